"""The peer on Tornado as it comes: ``WebSocketHandler`` and ``write_message``. ``tornado_plain.py PORT``"""

import asyncio
import sys

from frames import Chat
from tornado.web import Application
from tornado.websocket import WebSocketHandler

chat: Chat["Connection"] = Chat()


class Connection(WebSocketHandler):
    def open(self) -> None:
        self.set_nodelay(True)

    def on_message(self, frame: str | bytes) -> None:
        push, recipients, response = chat.handle(self, frame)
        for recipient in recipients:
            recipient.write_message(push)
        self.write_message(response)

    def on_close(self) -> None:
        chat.remove(self)


async def main(port: int) -> None:
    Application([("/ws", Connection)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
