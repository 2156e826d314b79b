"""A server that does not notify a room when a connection drops."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = ("disconnecting-leaves-the-rooms",)


class DropsWithoutALeftPush(RightChateau):
    def on_close(self) -> None:
        for room in self.state.rooms.values():
            if self in room.members:
                room.members.remove(self)
        super().on_close()


if __name__ == "__main__":
    serve(DropsWithoutALeftPush)
