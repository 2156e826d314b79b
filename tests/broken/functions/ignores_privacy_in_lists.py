"""Private clients are not reached, but listed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "blocks-are-the-clients-own",
    "empty-keys-are-none",
    "private-clients-are-not-listed",
    "ranges-are-allowed",
    "the-key-lists-private-clients",
)


class IgnoresPrivacyInLists(RightFunctions):
    def retrieve_clients(self, client: Client, request: Frame) -> Frame:
        self.shows_key(client, request)
        return {
            "clients": {
                id_: self.card(one)
                for id_, one in self.clients.items()
                if not self.is_within(client.ip, one.blocked)
            }
        }


if __name__ == "__main__":
    serve(IgnoresPrivacyInLists)
