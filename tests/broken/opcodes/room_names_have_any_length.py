"""A room's name may be as long as it likes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, serve

BREAKS = ()


class RoomNamesHaveAnyLength(RightOpcodes):
    def form(self, name: str, limit: int) -> str:
        return super().form(name, 10_000 if limit == 64 else limit)


if __name__ == "__main__":
    serve(RoomNamesHaveAnyLength)
