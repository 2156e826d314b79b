"""Disconnected clients are listed, and count as reached."""

from __future__ import annotations

from right_functions import Client, RightFunctions, serve

BREAKS = ("disconnected-clients-are-not-listed",)


class ListsDisconnectedClients(RightFunctions):
    def disconnected(self, client: Client) -> None:
        pass


if __name__ == "__main__":
    serve(ListsDisconnectedClients)
