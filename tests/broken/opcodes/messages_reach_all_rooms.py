"""A message goes to all rooms."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("messages-stay-in-their-room", "one-room-at-a-time")


class MessagesReachAllRooms(RightOpcodes):
    def say(self, client: Client, content: str) -> None:
        for room in self.rooms.values():
            self.broadcast(room, self.message_frame(client.name, content))


if __name__ == "__main__":
    serve(MessagesReachAllRooms)
