"""The response to a command goes to the room."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, Room, serve

BREAKS = (
    "commands-are-private",
    "messages-keep-their-order",
    "messages-reach-all-members",
    "rejected-requests-get-one-error",
    "unknown-commands-are-rejected",
)


class SendsCommandResponsesToTheRoom(RightOpcodes):
    def reply(self, client: Client, text: str) -> None:
        self.broadcast(client.room or Room("", "", members=[client]), self.message_frame(self.name, text))


if __name__ == "__main__":
    serve(SendsCommandResponsesToTheRoom)
