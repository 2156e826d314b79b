"""The cache has the number of rooms as users."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ("cache-counts-users",)


class CacheCountsRooms(RightOpcodes):
    def cache(self, client: Client) -> Frame:
        cache = super().cache(client)
        cache["d"]["users"] = len(self.rooms)
        return cache


if __name__ == "__main__":
    serve(CacheCountsRooms)
