"""A change of a room is sent to all clients."""

from __future__ import annotations

from right_opcodes import RightOpcodes, Room, serve

BREAKS = ("room-changes-reach-only-members",)


class NotifiesEveryoneOfAChange(RightOpcodes):
    def tell_state(self, room: Room) -> None:
        for client in self.clients:
            self.send(client, {"op": 2, "d": {"available": room.available, "room": room.name}})


if __name__ == "__main__":
    serve(NotifiesEveryoneOfAChange)
