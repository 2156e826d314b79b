"""Joining another room does not leave the first."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = (
    "commands-are-private",
    "messages-keep-their-order",
    "messages-reach-all-members",
    "messages-stay-in-their-room",
    "one-room-at-a-time",
    "room-changes-reach-only-members",
    "rejected-requests-get-one-error",
    "unknown-commands-are-rejected",
)


class KeepsTheFirstRoom(RightOpcodes):
    def come_in(self, client: Client, room: Room) -> None:
        room.members.append(client)
        client.room = room


if __name__ == "__main__":
    serve(KeepsTheFirstRoom)
