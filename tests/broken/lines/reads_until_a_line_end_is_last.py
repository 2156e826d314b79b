"""A server that takes lines that come together for one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("lines-may-come-together", "messages-keep-their-order", "history-has-a-thousand-lines-at-most")


class JoinsLines(RightLines):
    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        client.buffer += received
        if not client.buffer.endswith(b"\n"):
            return []
        line, client.buffer = client.buffer.rstrip(b"\r\n"), b""
        return [line]


if __name__ == "__main__":
    serve(JoinsLines)
