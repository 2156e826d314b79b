"""A server that sends a message to all, whatever room they are in."""

from __future__ import annotations

from right_lines import Client, Frame, RightLines, serve

BREAKS = (
    "a-message-stays-in-its-room",
    "a-refused-join-changes-nothing",
    "join-leaves-the-room-before",
    "who-has-left-hears-nothing",
)


class TellsEverybody(RightLines):
    def tell(self, members: list[Client], author: Client, event: Frame) -> None:
        is_said = event["type"] == "message"
        super().tell(self.clients if is_said else members, author, event)


if __name__ == "__main__":
    serve(TellsEverybody)
