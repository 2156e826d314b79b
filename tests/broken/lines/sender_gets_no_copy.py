"""A server that does not send a message to its sender."""

from __future__ import annotations

from right_lines import Client, Frame, RightLines, serve

BREAKS = (
    "a-message-is-told-to-its-sender",
    "a-message-comes-once",
    "a-message-is-answered-before-it-is-told",
    "a-message-stays-in-its-room",
    "a-refused-join-changes-nothing",
    "history-counts-its-lines",
    "join-leaves-the-room-before",
    "who-has-left-hears-nothing",
)


class SparesTheSender(RightLines):
    def tell(self, members: list[Client], author: Client, event: Frame) -> None:
        is_said = event["type"] == "message"
        super().tell([one for one in members if not (is_said and one is author)], author, event)


if __name__ == "__main__":
    serve(SparesTheSender)
