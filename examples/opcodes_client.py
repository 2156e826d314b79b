"""Chat by the opcodes protocol: the lines that you type are sent to the room; !help lists the commands.

pip install websockets
python examples/opcodes_client.py NAME [HOST:PORT]
"""

import json
import sys
from threading import Thread

from websockets.sync.client import connect

name, address = [*sys.argv[1:], "localhost:8888"][:2]


def shown(frame):
    match frame:
        case {"op": 0, "d": {"author": author, "content": content}}:
            return f"{author}: {content}"
        case {"op": 2, "d": {"room": room, "available": available}}:
            return f"({room} is {'open' if available else 'closed'})"
        case {"op": 4, "d": {"rooms": rooms}}:
            return f"(rooms: {', '.join(rooms)})"
        case {"op": 5, "d": {"error": error}}:
            return f"(refused: {error})"


def listen():
    for frame in server:
        if line := shown(json.loads(frame)):
            print(line)


with connect(f"ws://{address}/opcodes") as server:
    Thread(target=listen).start()
    server.send(json.dumps({"op": 1, "d": {"content": name}}))
    for line in sys.stdin:
        server.send(json.dumps({"op": 1, "d": {"content": line.rstrip("\n")}}))
