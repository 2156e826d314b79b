"""Arrivals are told by the server, not by the room."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class TellsArrivalsInTheServersName(RightOpcodes):
    def tell_arrival(self, client: Client) -> None:
        author = client.room.name if client.room.name != "general" else self.name
        self.tell(client.room, self.said(author, f"{client.name} has entered the room"))


if __name__ == "__main__":
    serve(TellsArrivalsInTheServersName)
