"""The peer on websockets: ``serve``, and ``broadcast`` for pushes. ``websockets_plain.py PORT``"""

import asyncio
import sys

from frames import Chat
from websockets.asyncio.server import ServerConnection, broadcast, serve

chat: Chat[ServerConnection] = Chat()


async def handle(connection: ServerConnection) -> None:
    try:
        async for frame in connection:
            push, recipients, response = chat.handle(connection, frame)
            broadcast(recipients, push, text=True)
            await connection.send(response, text=True)
    finally:
        chat.remove(connection)


async def main(port: int) -> None:
    async with serve(handle, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
