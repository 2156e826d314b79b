"""Two rooms may differ by their capitals only."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, serve

BREAKS = ()


class RoomsDifferByCapitals(RightOpcodes):
    def form(self, name: str, limit: int) -> str:
        return (super().form(name, limit) and name) if limit == 64 else super().form(name, limit)


if __name__ == "__main__":
    serve(RoomsDifferByCapitals)
