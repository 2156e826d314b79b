"""The answer with the list has a key that nobody has asked for."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("lists-have-three-keys",)


class ListsHowManyThereAre(RightFunctions):
    def retrieve_clients(self, client: Client, request: Frame) -> Frame:
        result = super().retrieve_clients(client, request)
        return result | {"count": len(result["clients"])}


if __name__ == "__main__":
    serve(ListsHowManyThereAre)
