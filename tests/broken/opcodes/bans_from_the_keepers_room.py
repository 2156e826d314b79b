"""A ban is from the room that the keeper is in, whatever room it names."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class BansFromTheKeepersRoom(RightOpcodes):
    def do_ban(self, client: Client, name: str, room_name: str | None = None) -> str:
        return super().do_ban(client, name)


if __name__ == "__main__":
    serve(BansFromTheKeepersRoom)
