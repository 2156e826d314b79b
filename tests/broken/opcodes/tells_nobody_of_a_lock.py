"""A room is locked, and nobody hears of it."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = (
    "locked-rooms-need-their-password",
    "members-hear-of-a-lock",
    "others-do-not-hear-of-a-change",
    "unlocked-rooms-need-no-password",
)


class TellsNobodyOfALock(RightOpcodes):
    def do_lock(self, client: Client, name: str, password: str) -> str:
        self.room(name).password = password
        return f"{name} is locked."


if __name__ == "__main__":
    serve(TellsNobodyOfALock)
