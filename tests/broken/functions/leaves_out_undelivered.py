"""The answer never says who was not reached."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "a-block-wins-over-an-allow",
    "addresses-are-compared-whole",
    "blocked-addresses-do-not-reach-clients",
    "departed-clients-are-gone",
    "empty-keys-are-none",
    "privacy-is-public-or-private",
    "private-clients-are-not-reached",
    "ranges-are-allowed",
    "ranges-are-blocked",
    "the-key-passes-privacy-and-blocks",
    "undelivered-lists-who-was-not-reached",
    "unknown-private-and-blocking-look-alike",
)


class LeavesOutUndelivered(RightFunctions):
    def told(self, client: Client, request: Frame, undelivered: list[str]) -> Frame:
        return super().told(client, request, [])


if __name__ == "__main__":
    serve(LeavesOutUndelivered)
