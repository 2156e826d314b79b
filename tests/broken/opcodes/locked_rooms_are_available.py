"""Of a locked room is told that it is available."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, Room, serve

BREAKS = ()


class LockedRoomsAreAvailable(RightOpcodes):
    def tell_state(self, room: Room) -> None:
        self.tell(room, {"op": 2, "d": {"available": not room.is_closed, "room": room.name}})


if __name__ == "__main__":
    serve(LockedRoomsAreAvailable)
