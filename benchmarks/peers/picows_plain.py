"""The peer on picows: a ``WSListener`` and ``send``, on uvloop. ``picows_plain.py PORT``"""

import asyncio
import sys

import uvloop
from frames import Chat
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

TEXT = WSMsgType.TEXT

chat: Chat[WSTransport] = Chat()


class Connection(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        push, recipients, response = chat.handle(transport, frame.get_payload_as_memoryview())
        for recipient in recipients:
            recipient.send(TEXT, push)
        transport.send(TEXT, response)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        chat.remove(transport)


def connection(_: WSUpgradeRequest) -> Connection:
    return Connection()


async def main(port: int) -> None:
    await ws_create_server(connection, "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
