"""A deleted room stays in the cache."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("members-are-notified-of-a-deletion",)


class KeepsDeletedRooms(RightOpcodes):
    def do_delete(self, client: Client) -> str:
        room = self.room_of(client)
        result = super().do_delete(client)
        self.rooms[self.form(room.name, 64)] = room
        return result


if __name__ == "__main__":
    serve(KeepsDeletedRooms)
