"""A message has as many bytes as it should have characters."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class CutsUtf8(RightOpcodes):
    def say(self, client: Client, content: str) -> None:
        super().say(client, content.encode()[: len(content)].decode(errors="ignore"))


if __name__ == "__main__":
    serve(CutsUtf8)
