"""A server that puts something in the place of what is not UTF-8."""

from __future__ import annotations

from typing import Any

from right_chateau import RightChateau, Wire, serve

BREAKS = ("text-that-is-not-utf-8-closes-the-connection",)


class Lenient(Wire):
    def _handle_message(self, opcode: int, data: bytes) -> Any:
        if opcode == 1:
            data = data.decode(errors="replace").encode()
        return super()._handle_message(opcode, data)


class TakesAnyBytesForText(RightChateau):
    wire = Lenient


if __name__ == "__main__":
    serve(TakesAnyBytesForText)
