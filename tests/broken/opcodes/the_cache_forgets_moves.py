"""The cache says that one is in general, wherever one is."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = (
    "join-goes-to-another-room",
    "keepers-commands-need-the-key",
    "locked-rooms-need-their-password",
    "one-room-at-a-time",
    "others-do-not-hear-of-a-change",
    "the-cache-says-where-one-is",
)


class TheCacheForgetsMoves(RightOpcodes):
    def cache(self, client: Client) -> Frame:
        cache = super().cache(client)
        cache["d"]["me"]["room"] = "general"
        return cache


if __name__ == "__main__":
    serve(TheCacheForgetsMoves)
