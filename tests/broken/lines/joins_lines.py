"""A server that treats lines that arrive together as one."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("lines-may-arrive-together", "messages-keep-their-order", "history-has-at-most-a-thousand-lines")


class JoinsLines(RightLines):
    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        client.buffer += received
        if not client.buffer.endswith(b"\n"):
            return []
        line, client.buffer = client.buffer.rstrip(b"\r\n"), b""
        return [line]


if __name__ == "__main__":
    serve(JoinsLines)
