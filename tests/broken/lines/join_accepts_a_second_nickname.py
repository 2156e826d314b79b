"""A server on which two clients with one nickname can join one room."""

from __future__ import annotations

from right_lines import Client, RightLines, Room, serve

BREAKS = (
    "join-rejects-a-nickname-in-the-room",
    "rejected-join-changes-nothing",
    "nicknames-ignore-case",
)


class LetsAllIn(RightLines):
    def is_present(self, client: Client, room: Room) -> bool:
        return False


if __name__ == "__main__":
    serve(LetsAllIn)
