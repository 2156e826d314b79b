"""The cache shows every room as available."""

from __future__ import annotations

from right_opcodes import Frame, RightOpcodes, Room, serve

BREAKS = (
    "members-are-notified-of-a-close",
    "members-are-notified-of-a-lock",
    "room-changes-reach-only-members",
)


class CacheShowsAllRoomsAsAvailable(RightOpcodes):
    def shown(self, room: Room) -> Frame:
        return super().shown(room) | {"available": True}


if __name__ == "__main__":
    serve(CacheShowsAllRoomsAsAvailable)
