"""Of an unlocked room is told that it is available; its password stays."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("unlocked-rooms-need-no-password",)


class UnlocksNothing(RightOpcodes):
    def do_unlock(self, client: Client) -> str:
        room = self.room_of(client)
        password, room.password = room.password, None
        self.tell_state(room)
        room.password = password
        return f"{room.name} is unlocked."


if __name__ == "__main__":
    serve(UnlocksNothing)
