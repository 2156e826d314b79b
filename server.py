"""``python server.py`` starts the server; ``python server.py --help`` lists its settings."""

import sys

from chateau.app import main

if __name__ == "__main__":
    sys.exit(main())
