"""A locked room lets in everybody."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = ()


class LetsInWithoutThePassword(RightOpcodes):
    def check_entry(self, client: Client, room: Room, password: str | None) -> None:
        super().check_entry(client, room, room.password)


if __name__ == "__main__":
    serve(LetsInWithoutThePassword)
