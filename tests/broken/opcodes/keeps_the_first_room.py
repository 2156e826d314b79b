"""Who joins another room stays in the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class KeepsTheFirstRoom(RightOpcodes):
    def go_out(self, client: Client) -> None:
        if client not in self.clients or client.name in client.room.banned:
            super().go_out(client)


if __name__ == "__main__":
    serve(KeepsTheFirstRoom)
