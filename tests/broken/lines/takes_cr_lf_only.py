"""A server that ends a line at CR LF only."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("a-line-may-end-with-lf", "lines-may-come-together", "history-has-a-thousand-lines-at-most")


class WantsCarriageReturns(RightLines):
    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        *lines, client.buffer = (client.buffer + received).split(b"\r\n")
        return lines


if __name__ == "__main__":
    serve(WantsCarriageReturns)
