"""A server that does not send a message to its sender."""

from __future__ import annotations

from right_lines import Client, Frame, RightLines, serve

BREAKS = (
    "message-reaches-its-sender",
    "message-arrives-once",
    "response-precedes-the-message",
    "message-stays-in-its-room",
    "rejected-join-changes-nothing",
    "history-counts-its-lines",
    "join-leaves-the-previous-room",
    "leaving-ends-the-messages",
)


class SparesTheSender(RightLines):
    def broadcast(self, members: list[Client], author: Client, event: Frame) -> None:
        is_said = event["type"] == "message"
        super().broadcast([one for one in members if not (is_said and one is author)], author, event)


if __name__ == "__main__":
    serve(SparesTheSender)
