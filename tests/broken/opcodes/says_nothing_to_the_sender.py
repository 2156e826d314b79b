"""A message goes to all members but the one who has sent it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class SaysNothingToTheSender(RightOpcodes):
    def say(self, client: Client, content: str) -> None:
        for member in self.room_of(client).members:
            if member is not client:
                self.send(member, self.said(client.name, content))


if __name__ == "__main__":
    serve(SaysNothingToTheSender)
