"""The server: ``python server.py`` starts it, ``python server.py --help`` says what it can be told."""

import sys

from chateau.app import main

if __name__ == "__main__":
    sys.exit(main())
