"""A server that includes the CR of a line end in the text if the LF arrives later."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("cr-and-lf-may-arrive-separately", "character-may-arrive-in-pieces")


class KeepsCarriageReturns(RightLines):
    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        *lines, client.buffer = (client.buffer + received.replace(b"\r\n", b"\n")).split(b"\n")
        return lines


if __name__ == "__main__":
    serve(KeepsCarriageReturns)
