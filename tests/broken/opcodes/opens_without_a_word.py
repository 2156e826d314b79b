"""A room is opened again, and nobody hears of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class OpensWithoutAWord(RightOpcodes):
    def do_open(self, client: Client) -> str:
        room = self.room_of(client)
        room.is_closed, room.password = False, None
        return f"{room.name} is open."


if __name__ == "__main__":
    serve(OpensWithoutAWord)
