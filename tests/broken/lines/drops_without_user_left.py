"""A server that does not notify the room when a connection drops."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("dropped-connection-sends-user-left", "quit-ends-the-connection", "message-arrives-once")


class DropsSilently(RightLines):
    def dropped(self, client: Client) -> None:
        if client.room is not None:
            client.room.members.remove(client)
            client.room = None
        super().dropped(client)


if __name__ == "__main__":
    serve(DropsSilently)
