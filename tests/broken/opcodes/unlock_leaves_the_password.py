"""An unlocked room is announced as available, but its password stays."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("unlocked-rooms-need-no-password",)


class UnlockLeavesThePassword(RightOpcodes):
    def do_unlock(self, client: Client) -> str:
        room = self.room_of(client)
        password, room.password = room.password, None
        self.tell_state(room)
        room.password = password
        return f"{room.name} is unlocked."


if __name__ == "__main__":
    serve(UnlockLeavesThePassword)
