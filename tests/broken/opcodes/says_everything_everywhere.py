"""A message goes to all rooms."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("messages-stay-in-their-room", "one-room-at-a-time")


class SaysEverythingEverywhere(RightOpcodes):
    def say(self, client: Client, content: str) -> None:
        for room in self.rooms.values():
            self.tell(room, self.said(client.name, content))


if __name__ == "__main__":
    serve(SaysEverythingEverywhere)
