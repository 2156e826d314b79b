"""The peer on Tornado as it comes: ``WebSocketHandler`` and ``write_message``. ``tornado_plain.py PORT``"""

import asyncio
import sys

import orjson
from frames import REGISTERED, joined, message, publish
from tornado.web import Application
from tornado.websocket import WebSocketHandler

names: dict[str, "Connection"] = {}
rooms: dict[str, set["Connection"]] = {}


class Connection(WebSocketHandler):
    name = ""

    def open(self) -> None:
        self.set_nodelay(True)

    def on_message(self, frame: str | bytes) -> None:
        request = orjson.loads(frame)
        match request["type"]:
            case 1:
                self.name = request["username"]
                names[self.name] = self
                self.write_message(REGISTERED)
            case 3:
                push, response = message(self.name, request)
                for client in request["clients"]:
                    names[client].write_message(push)
                self.write_message(response)
            case 5:
                rooms.setdefault(request["room"], set()).add(self)
                self.write_message(joined(request))
            case 7:
                push, response = publish(self.name, request)
                for member in rooms[request["room"]]:
                    member.write_message(push)
                self.write_message(response)

    def on_close(self) -> None:
        names.pop(self.name, None)
        for members in rooms.values():
            members.discard(self)


async def main(port: int) -> None:
    Application([("/ws", Connection)]).listen(port, "127.0.0.1")
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
