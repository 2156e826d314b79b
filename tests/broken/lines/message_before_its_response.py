"""A server that sends a message to the room before its response."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("response-precedes-the-message",)


class TellsFirst(RightLines):
    def say(self, client: Client, text: str) -> None:
        self.check_login(client)
        self.check_room(client)
        event = {"from": client.nick, "type": "message", "body": text}
        self.keep(client.room, event)
        self.broadcast(client.room.members, client, event)
        self.ok(client)


if __name__ == "__main__":
    serve(TellsFirst)
