"""In the list, an id is a number."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "allowed-addresses-reach-private-clients",
    "blocks-are-the-clients-own",
    "clients-are-public-again",
    "empty-keys-are-none",
    "ids-are-strings-of-digits",
    "private-clients-are-not-listed",
    "private-clients-still-send",
    "public-clients-are-listed",
    "ranges-are-allowed",
    "ranges-are-blocked",
    "the-key-lists-private-clients",
)


class IdsInListsAreNumbers(RightFunctions):
    def retrieve_clients(self, client: Client, request: Frame) -> Frame:
        clients = super().retrieve_clients(client, request)["clients"]
        return {"clients": {id_: card | {"id": int(id_)} for id_, card in clients.items()}}


if __name__ == "__main__":
    serve(IdsInListsAreNumbers)
