"""The test client: sends message files to the server and prints every frame that comes back.

``python test_client.py --help`` says how; docs/client.md says it at length.
"""

import sys

from chateau.client.app import main

if __name__ == "__main__":
    sys.exit(main())
