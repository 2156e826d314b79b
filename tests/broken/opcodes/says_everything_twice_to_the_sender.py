"""A message comes back to its sender twice."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class SaysEverythingTwiceToTheSender(RightOpcodes):
    def say(self, client: Client, content: str) -> None:
        super().say(client, content)
        self.send(client, self.said(client.name, content))


if __name__ == "__main__":
    serve(SaysEverythingTwiceToTheSender)
