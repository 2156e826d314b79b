"""A server that replaces invalid UTF-8."""

from __future__ import annotations

from typing import Any

from right_chateau import Protocol, RightChateau, serve

BREAKS = ("text-that-is-not-utf-8-closes-the-connection",)


class Lenient(Protocol):
    def _handle_message(self, opcode: int, data: bytes) -> Any:
        if opcode == 1:
            data = data.decode(errors="replace").encode()
        return super()._handle_message(opcode, data)


class ReplacesInvalidUtf8(RightChateau):
    protocol = Lenient


if __name__ == "__main__":
    serve(ReplacesInvalidUtf8)
