"""The key lists all clients, but does not override privacy for messages."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("key-overrides-privacy-and-blocks",)


class KeyIsForListsOnly(RightFunctions):
    def send_message(self, client: Client, request: Frame) -> Frame:
        self.shows_key(client, request)
        return super().send_message(client, request | {"secret_key": ""})


if __name__ == "__main__":
    serve(KeyIsForListsOnly)
