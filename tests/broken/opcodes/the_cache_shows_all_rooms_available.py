"""The cache shows every room as available."""

from __future__ import annotations

from right_opcodes import Frame, RightOpcodes, Room, serve

BREAKS = ("members-hear-of-a-close", "members-hear-of-a-lock", "others-do-not-hear-of-a-change")


class TheCacheShowsAllRoomsAvailable(RightOpcodes):
    def shown(self, room: Room) -> Frame:
        return super().shown(room) | {"available": True}


if __name__ == "__main__":
    serve(TheCacheShowsAllRoomsAvailable)
