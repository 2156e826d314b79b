"""A room is deleted, and its members do not hear of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class DeletesWithoutAWord(RightOpcodes):
    def do_delete(self, client: Client) -> str:
        room = self.room_of(client)
        del self.rooms[self.form(room.name, 64)]
        for member in room.members:
            member.room = None
        return f"{room.name} is gone."


if __name__ == "__main__":
    serve(DeletesWithoutAWord)
