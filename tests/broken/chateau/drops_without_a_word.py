"""A server that does not tell a room whose connection is gone."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = ("disconnecting-leaves-the-rooms",)


class DropsWithoutAWord(RightChateau):
    def on_close(self) -> None:
        for room in self.house.rooms.values():
            if self in room.members:
                room.members.remove(self)
        super().on_close()


if __name__ == "__main__":
    serve(DropsWithoutAWord)
