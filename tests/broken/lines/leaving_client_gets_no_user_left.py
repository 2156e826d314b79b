"""A server that does not send userLeft to the leaving client."""

from __future__ import annotations

from right_lines import Client, Frame, RightLines, serve

BREAKS = ("leave-leaves-the-room", "join-leaves-the-previous-room", "leaving-ends-the-messages")


class SparesTheLeaver(RightLines):
    def broadcast(self, members: list[Client], author: Client, event: Frame) -> None:
        is_left = event["type"] == "userLeft"
        super().broadcast([one for one in members if not (is_left and one is author)], author, event)


if __name__ == "__main__":
    serve(SparesTheLeaver)
