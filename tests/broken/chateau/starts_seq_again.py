"""A server that counts a room's messages from 1 again when it was empty."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("publish-seq-rises",)


class StartsSeqAgain(RightChateau):
    def do_join(self, request: Frame) -> Frame:
        room = self.house.rooms.get(self.form_of(request["room"]))
        if room is not None and not room.members:
            room.messages.clear()
        return super().do_join(request)


if __name__ == "__main__":
    serve(StartsSeqAgain)
