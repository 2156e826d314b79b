"""A locked room accepts any password."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = ("locked-rooms-need-their-password",)


class AcceptsAnyPassword(RightOpcodes):
    def check_entry(self, client: Client, room: Room, password: str | None) -> None:
        super().check_entry(client, room, password and room.password)


if __name__ == "__main__":
    serve(AcceptsAnyPassword)
