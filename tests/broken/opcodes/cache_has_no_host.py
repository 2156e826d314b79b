"""The cache has no host."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ("cache-has-the-documented-keys",)


class CacheHasNoHost(RightOpcodes):
    def cache(self, client: Client) -> Frame:
        cache = super().cache(client)
        del cache["d"]["host"]
        return cache


if __name__ == "__main__":
    serve(CacheHasNoHost)
