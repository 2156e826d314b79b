"""The response never has undelivered."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "block-overrides-allow",
    "addresses-match-exactly",
    "blocked-addresses-do-not-reach-clients",
    "disconnected-clients-are-not-listed",
    "empty-key-counts-as-none",
    "privacy-is-public-or-private",
    "private-clients-are-not-reached",
    "ranges-are-allowed",
    "ranges-are-blocked",
    "key-overrides-privacy-and-blocks",
    "undelivered-lists-unreached-ids",
    "unknown-private-and-blocking-look-alike",
)


class OmitsUndelivered(RightFunctions):
    def message_result(self, client: Client, request: Frame, undelivered: list[str]) -> Frame:
        return super().message_result(client, request, [])


if __name__ == "__main__":
    serve(OmitsUndelivered)
