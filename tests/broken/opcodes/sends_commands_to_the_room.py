"""A command is executed, and sent to the room."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("commands-are-private",)


class SendsCommandsToTheRoom(RightOpcodes):
    def command(self, client: Client, content: str) -> None:
        super().command(client, content)
        if content.startswith("!me"):
            self.say(client, content)


if __name__ == "__main__":
    serve(SendsCommandsToTheRoom)
