"""The cache has general as the user's room, after every join."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = (
    "join-changes-the-room",
    "admin-commands-need-the-key",
    "locked-rooms-need-their-password",
    "one-room-at-a-time",
    "room-changes-reach-only-members",
    "cache-has-the-users-room",
)


class CacheIgnoresJoins(RightOpcodes):
    def cache(self, client: Client) -> Frame:
        cache = super().cache(client)
        cache["d"]["me"]["room"] = "general"
        return cache


if __name__ == "__main__":
    serve(CacheIgnoresJoins)
