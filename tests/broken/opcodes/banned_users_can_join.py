"""A banned user can join again at once."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = ("banned-users-are-notified", "unbanned-users-can-join-again", "users-are-banned-from-another-room")


class BannedUsersCanJoin(RightOpcodes):
    def check_entry(self, client: Client, room: Room, password: str | None) -> None:
        room.banned.clear()
        super().check_entry(client, room, password)


if __name__ == "__main__":
    serve(BannedUsersCanJoin)
