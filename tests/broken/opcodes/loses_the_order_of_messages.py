"""Messages that come close together are handed over the last one first."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class LosesTheOrderOfMessages(RightOpcodes):
    def __init__(self, port: int, secret_key: str | None) -> None:
        super().__init__(port, secret_key)
        self.waiting: list[tuple[Client, str]] = []

    def say(self, client: Client, content: str) -> None:
        self.waiting.append((client, content))
        asyncio.get_running_loop().call_later(0.05, self.hand_over)

    def hand_over(self) -> None:
        super().say(*self.waiting.pop())


if __name__ == "__main__":
    serve(LosesTheOrderOfMessages)
