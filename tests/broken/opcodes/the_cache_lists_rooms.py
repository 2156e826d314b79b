"""The cache has a list of rooms, not an object."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ()


class TheCacheListsRooms(RightOpcodes):
    def cache(self, client: Client) -> Frame:
        cache = super().cache(client)
        cache["d"]["rooms"] = list(cache["d"]["rooms"].values())
        return cache


if __name__ == "__main__":
    serve(TheCacheListsRooms)
