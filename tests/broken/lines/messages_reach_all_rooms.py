"""A server that sends a message to all rooms."""

from __future__ import annotations

from right_lines import Client, Frame, RightLines, serve

BREAKS = (
    "message-stays-in-its-room",
    "rejected-join-changes-nothing",
    "join-leaves-the-previous-room",
    "leaving-ends-the-messages",
)


class TellsEverybody(RightLines):
    def broadcast(self, members: list[Client], author: Client, event: Frame) -> None:
        is_said = event["type"] == "message"
        super().broadcast(self.clients if is_said else members, author, event)


if __name__ == "__main__":
    serve(TellsEverybody)
