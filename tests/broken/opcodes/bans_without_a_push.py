"""A banned user is not notified."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ("banned-users-are-notified", "unbanned-users-can-join-again", "users-are-banned-from-another-room")


class BansWithoutAPush(RightOpcodes):
    def do_ban(self, client: Client, name: str, room_name: str | None = None) -> str:
        self.is_quiet = True
        try:
            return super().do_ban(client, name, room_name)
        finally:
            self.is_quiet = False

    is_quiet = False

    def send(self, client: Client, frame: Frame) -> None:
        if not self.is_quiet:
            super().send(client, frame)


if __name__ == "__main__":
    serve(BansWithoutAPush)
