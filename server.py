"""``python server.py`` starts the server; ``python server.py --help`` lists its settings."""

import sys

from chateau.launcher import start

if __name__ == "__main__":
    sys.exit(start("chateau.app", "chateau"))
