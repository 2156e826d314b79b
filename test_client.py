"""The test client: sends message files to the server and prints every frame that comes back.

``python test_client.py --help`` lists the flags; docs/client.md describes them.
"""

import sys

from chateau.launcher import start

if __name__ == "__main__":
    sys.exit(start("chateau.client.app", "test_client.py"))
