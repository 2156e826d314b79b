"""The peer on aiohttp: ``WebSocketResponse``, and ``send_frame`` for text that is encoded once. ``… PORT``"""

import sys

import orjson
from aiohttp import WSMsgType, web
from frames import REGISTERED, joined, message, publish

TEXT = WSMsgType.TEXT

names: dict[str, web.WebSocketResponse] = {}
rooms: dict[str, set[web.WebSocketResponse]] = {}


async def talk(http: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse()
    await connection.prepare(http)
    name = ""
    try:
        async for frame in connection:
            request = orjson.loads(frame.data)
            match request["type"]:
                case 1:
                    name = request["username"]
                    names[name] = connection
                    await connection.send_frame(REGISTERED, TEXT)
                case 3:
                    push, response = message(name, request)
                    for client in request["clients"]:
                        await names[client].send_frame(push, TEXT)
                    await connection.send_frame(response, TEXT)
                case 5:
                    rooms.setdefault(request["room"], set()).add(connection)
                    await connection.send_frame(joined(request), TEXT)
                case 7:
                    push, response = publish(name, request)
                    for member in list(rooms[request["room"]]):
                        await member.send_frame(push, TEXT)
                    await connection.send_frame(response, TEXT)
    finally:
        names.pop(name, None)
        for members in rooms.values():
            members.discard(connection)
    return connection


def main(port: int) -> None:
    application = web.Application()
    application.router.add_get("/ws", talk)
    web.run_app(
        application, host="127.0.0.1", port=port, access_log=None, print=lambda _: print("ready", flush=True)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
