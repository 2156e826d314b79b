"""A deleted room stays in the cache."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("members-hear-of-a-deletion",)


class KeepsDeletedRooms(RightOpcodes):
    def do_delete(self, client: Client) -> str:
        room = self.room_of(client)
        result = super().do_delete(client)
        self.rooms[self.form(room.name, 64)] = room
        return result


if __name__ == "__main__":
    serve(KeepsDeletedRooms)
