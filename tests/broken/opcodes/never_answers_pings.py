"""Pings are heard, and not answered."""

from __future__ import annotations

import sys
from asyncio import Future
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Door, RightOpcodes, serve
from tornado.websocket import WebSocketProtocol13

BREAKS = ()


class Quiet(WebSocketProtocol13):
    def _write_frame(self, fin: bool, opcode: int, data: bytes, flags: int = 0) -> Future[None]:
        pong = opcode == 0xA
        return Future() if pong else super()._write_frame(fin, opcode, data, flags)


class Deaf(Door):
    def get_websocket_protocol(self) -> WebSocketProtocol13:
        protocol = super().get_websocket_protocol()
        protocol.__class__ = Quiet
        return protocol


class NeverAnswersPings(RightOpcodes):
    door = Deaf


if __name__ == "__main__":
    serve(NeverAnswersPings)
