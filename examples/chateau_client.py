"""Chat by the chateau protocol: the lines that you type are sent to the room lobby.

pip install websockets
python examples/chateau_client.py NAME [HOST:PORT]
"""

import json
import sys
from threading import Thread

from websockets.sync.client import connect

name, address = [*sys.argv[1:], "localhost:8888"][:2]


def shown(frame):
    match frame:
        case {"sender": sender, "content": content}:
            return f"{sender}: {content}"
        case {"event": "joined" | "left" as event, "username": username}:
            return f"({username} {event})"
        case {"type": 5, "members": members}:
            return f"(here: {', '.join(members)})"
        case {"error": error}:
            return f"(refused: {error})"


def listen():
    for frame in server:
        if line := shown(json.loads(frame)):
            print(line)


with connect(f"ws://{address}/ws") as server:
    Thread(target=listen).start()
    server.send(json.dumps({"type": 1, "username": name}))
    server.send(json.dumps({"type": 5, "room": "lobby"}))
    for line in sys.stdin:
        server.send(json.dumps({"type": 7, "room": "lobby", "content": line.rstrip("\n")}))
