"""A closed room lets in everybody."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = ()


class ClosesRoomsForNobody(RightOpcodes):
    def check_entry(self, client: Client, room: Room, password: str | None) -> None:
        was_closed, room.is_closed = room.is_closed, False
        try:
            super().check_entry(client, room, password)
        finally:
            room.is_closed = was_closed


if __name__ == "__main__":
    serve(ClosesRoomsForNobody)
