"""The list shows the clients without their custom variables."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "custom-variables-are-any-json",
    "custom-variables-are-merged",
    "custom-variables-have-16-kib",
    "public-clients-are-listed",
)


class ListsNoVariables(RightFunctions):
    def retrieve_clients(self, client: Client, request: Frame) -> Frame:
        clients = super().retrieve_clients(client, request)["clients"]
        return {"clients": {id_: card | {"custom": {}} for id_, card in clients.items()}}


if __name__ == "__main__":
    serve(ListsNoVariables)
