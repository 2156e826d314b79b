"""The peer on websockets: ``serve``, and ``broadcast`` for what many get. ``websockets_plain.py PORT``"""

import asyncio
import sys

import orjson
from frames import REGISTERED, joined, message, publish
from websockets.asyncio.server import ServerConnection, broadcast, serve

names: dict[str, ServerConnection] = {}
rooms: dict[str, set[ServerConnection]] = {}


async def talk(connection: ServerConnection) -> None:
    name = ""
    try:
        async for frame in connection:
            request = orjson.loads(frame)
            match request["type"]:
                case 1:
                    name = request["username"]
                    names[name] = connection
                    await connection.send(REGISTERED, text=True)
                case 3:
                    push, response = message(name, request)
                    broadcast([names[client] for client in request["clients"]], push, text=True)
                    await connection.send(response, text=True)
                case 5:
                    rooms.setdefault(request["room"], set()).add(connection)
                    await connection.send(joined(request), text=True)
                case 7:
                    push, response = publish(name, request)
                    broadcast(rooms[request["room"]], push, text=True)
                    await connection.send(response, text=True)
    finally:
        names.pop(name, None)
        for members in rooms.values():
            members.discard(connection)


async def main(port: int) -> None:
    async with serve(talk, "127.0.0.1", port):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
