"""A ban of a name that nobody has is fine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = ()


class BansWhomNobodyKnows(RightOpcodes):
    def user(self, name: str) -> Client:
        try:
            return super().user(name)
        except Refused:
            return Client(self.clients[0].socket, "", name)


if __name__ == "__main__":
    serve(BansWhomNobodyKnows)
