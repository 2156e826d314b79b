"""A block has no effect."""

from __future__ import annotations

from right_functions import Client, RightFunctions, serve

BREAKS = (
    "block-overrides-allow",
    "addresses-match-exactly",
    "blocked-addresses-do-not-reach-clients",
    "blocks-affect-only-the-caller",
    "ranges-are-blocked",
    "unknown-private-and-blocking-look-alike",
)


class IgnoresBlocks(RightFunctions):
    def lets_in(self, target: Client, ip: str) -> bool:
        return target.privacy == "public" or self.is_within(ip, target.allowed)


if __name__ == "__main__":
    serve(IgnoresBlocks)
