"""Who joins another room stays in the first."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = (
    "commands-are-the-callers-alone",
    "messages-keep-their-order",
    "messages-reach-all-members",
    "messages-stay-in-their-room",
    "one-room-at-a-time",
    "others-do-not-hear-of-a-change",
    "refused-requests-are-answered-once",
    "unknown-commands-are-refused",
)


class KeepsTheFirstRoom(RightOpcodes):
    def come_in(self, client: Client, room: Room) -> None:
        room.members.append(client)
        client.room = room


if __name__ == "__main__":
    serve(KeepsTheFirstRoom)
