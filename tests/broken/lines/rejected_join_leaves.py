"""A server on which a rejected JOIN leaves the previous room."""

from __future__ import annotations

from right_lines import Client, RightLines, Room, serve

BREAKS = ("rejected-join-changes-nothing", "join-leaves-the-previous-room")


class LeavesTooEarly(RightLines):
    def is_present(self, client: Client, room: Room) -> bool:
        if client.room is not None:
            self.go_out(client)
        return super().is_present(client, room)


if __name__ == "__main__":
    serve(LeavesTooEarly)
