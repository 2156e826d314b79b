"""The peer on picows: a ``WSListener`` and ``send``, on uvloop. ``picows_plain.py PORT``"""

import asyncio
import sys

import orjson
import uvloop
from frames import REGISTERED, joined, message, publish
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

TEXT = WSMsgType.TEXT

names: dict[str, WSTransport] = {}
rooms: dict[str, set[WSTransport]] = {}


class Connection(WSListener):
    name = ""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        request = orjson.loads(frame.get_payload_as_memoryview())
        match request["type"]:
            case 1:
                self.name = request["username"]
                names[self.name] = transport
                transport.send(TEXT, REGISTERED)
            case 3:
                push, response = message(self.name, request)
                for client in request["clients"]:
                    names[client].send(TEXT, push)
                transport.send(TEXT, response)
            case 5:
                rooms.setdefault(request["room"], set()).add(transport)
                transport.send(TEXT, joined(request))
            case 7:
                push, response = publish(self.name, request)
                for member in rooms[request["room"]]:
                    member.send(TEXT, push)
                transport.send(TEXT, response)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        names.pop(self.name, None)
        for members in rooms.values():
            members.discard(transport)


def connection(_: WSUpgradeRequest) -> Connection:
    return Connection()


async def main(port: int) -> None:
    await ws_create_server(connection, "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
