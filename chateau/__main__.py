"""``python -m chateau`` starts the server."""

import sys

from chateau.launcher import start

if __name__ == "__main__":
    sys.exit(start("chateau.app", "chateau"))
