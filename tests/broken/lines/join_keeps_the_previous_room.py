"""A server on which joining a second room does not leave the first."""

from __future__ import annotations

from right_lines import Client, Refused, RightLines, serve

BREAKS = ("join-leaves-the-previous-room",)


class KeepsTheFirstRoom(RightLines):
    def join(self, client: Client, name: str) -> None:
        before, client.room = client.room, None
        try:
            super().join(client, name)
        except Refused:
            client.room = before
            raise


if __name__ == "__main__":
    serve(KeepsTheFirstRoom)
