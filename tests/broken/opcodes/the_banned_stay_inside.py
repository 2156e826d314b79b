"""Who is banned stays in the room."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class TheBannedStayInside(RightOpcodes):
    def do_ban(self, client: Client, name: str, room_name: str | None = None) -> str:
        user, room = self.user(name), self.room(room_name) if room_name else self.room_of(client)
        room.banned.add(self.form(name, 32))
        self.send(user, {"op": 2, "d": {"available": False, "room": room.name}})
        return f"{name} is banned."


if __name__ == "__main__":
    serve(TheBannedStayInside)
