"""A server that lets two clients with one nickname into one room."""

from __future__ import annotations

from right_lines import Client, RightLines, Room, serve

BREAKS = (
    "join-refuses-a-nickname-that-is-present",
    "a-refused-join-changes-nothing",
    "nicknames-are-compared-without-case",
)


class LetsAllIn(RightLines):
    def is_present(self, client: Client, room: Room) -> bool:
        return False


if __name__ == "__main__":
    serve(LetsAllIn)
