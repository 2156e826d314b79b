"""The peer on aiohttp: ``WebSocketResponse``, and ``send_frame`` for text that is encoded once. ``… PORT``"""

import sys

from aiohttp import WSMsgType, web
from frames import Chat

TEXT = WSMsgType.TEXT

chat: Chat[web.WebSocketResponse] = Chat()


async def handle(http: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse()
    await connection.prepare(http)
    try:
        async for frame in connection:
            push, recipients, response = chat.handle(connection, frame.data)
            for recipient in list(recipients):
                await recipient.send_frame(push, TEXT)
            await connection.send_frame(response, TEXT)
    finally:
        chat.remove(connection)
    return connection


def main(port: int) -> None:
    application = web.Application()
    application.router.add_get("/ws", handle)
    web.run_app(application, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
