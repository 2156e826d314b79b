"""The cache does not say since when a room is there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Frame, RightOpcodes, Room, serve

BREAKS = ()


class TheCacheHasNoTimes(RightOpcodes):
    def shown(self, room: Room) -> Frame:
        shown = super().shown(room)
        del shown["created_at"]
        return shown


if __name__ == "__main__":
    serve(TheCacheHasNoTimes)
