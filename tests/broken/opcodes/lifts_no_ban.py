"""A ban from a room cannot be lifted."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("unbanned-users-can-join-again",)


class LiftsNoBan(RightOpcodes):
    def do_unban(self, client: Client, name: str, room_name: str | None = None) -> str:
        return f"{name} is not banned."


if __name__ == "__main__":
    serve(LiftsNoBan)
