"""A server that restarts the seq of a room that was empty."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("publish-seq-rises",)


class RestartsSeq(RightChateau):
    def do_join(self, request: Frame) -> Frame:
        room = self.state.rooms.get(self.form_of(request["room"]))
        if room is not None and not room.members:
            room.messages.clear()
        return super().do_join(request)


if __name__ == "__main__":
    serve(RestartsSeq)
