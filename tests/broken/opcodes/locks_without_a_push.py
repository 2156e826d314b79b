"""A lock is not announced."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = (
    "locked-rooms-need-their-password",
    "members-are-notified-of-a-lock",
    "room-changes-reach-only-members",
    "unlocked-rooms-need-no-password",
)


class LocksWithoutAPush(RightOpcodes):
    def do_lock(self, client: Client, name: str, password: str) -> str:
        self.room(name).password = password
        return f"{name} is locked."


if __name__ == "__main__":
    serve(LocksWithoutAPush)
