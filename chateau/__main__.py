"""``python -m chateau`` starts the server."""

import sys

from chateau.app import main

if __name__ == "__main__":
    sys.exit(main())
