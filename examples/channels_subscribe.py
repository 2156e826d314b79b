"""Subscribe to a channel, and print each package that is published to it.

pip install websockets
python examples/channels_subscribe.py CHANNEL [HOST:PORT]
"""

import sys

from websockets.sync.client import connect

channel, address = [*sys.argv[1:], "localhost:8888"][:2]

with connect(f"ws://{address}/channel/{channel}/") as packages:
    for package in packages:  # str for text and JSON, bytes for bytes
        print(package)
