"""Who changes a room is told of it, and its other members are not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, Room, serve

BREAKS = ()


class TellsTheKeeperOnly(RightOpcodes):
    def set_state(self, room: Room, **state: Any) -> str:
        members, room.members = room.members, room.members[:1]
        try:
            return super().set_state(room, **state)
        finally:
            room.members = members


if __name__ == "__main__":
    serve(TellsTheKeeperOnly)
