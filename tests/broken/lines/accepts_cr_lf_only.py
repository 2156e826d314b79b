"""A server that ends a line at CR LF only."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("line-may-end-with-lf", "lines-may-arrive-together", "history-has-at-most-a-thousand-lines")


class WantsCarriageReturns(RightLines):
    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        *lines, client.buffer = (client.buffer + received).split(b"\r\n")
        return lines


if __name__ == "__main__":
    serve(WantsCarriageReturns)
