"""A server that deletes the history of an empty room."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("history-outlives-its-members", "history-has-at-most-a-thousand-lines")


class ForgetsRooms(RightLines):
    def go_out(self, client: Client) -> None:
        room = client.room
        super().go_out(client)
        if not room.members:
            room.kept.clear()


if __name__ == "__main__":
    serve(ForgetsRooms)
