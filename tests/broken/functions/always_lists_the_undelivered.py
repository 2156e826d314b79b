"""The answer lists those not reached where there are none, too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "allowed-addresses-reach-private-clients",
    "blocks-are-the-clients-own",
    "clients-are-public-again",
    "ipv6-addresses-are-taken",
    "messages-reach-each-recipient",
    "private-clients-still-send",
    "ranges-are-allowed",
    "ranges-are-blocked",
    "undelivered-is-left-out-where-all-were-reached",
)


class AlwaysListsTheUndelivered(RightFunctions):
    def told(self, client: Client, request: Frame, undelivered: list[str]) -> Frame:
        return {"undelivered": []} | super().told(client, request, undelivered)


if __name__ == "__main__":
    serve(AlwaysListsTheUndelivered)
