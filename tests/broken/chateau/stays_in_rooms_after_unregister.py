"""A server that leaves an unregistered user in the rooms."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("unregister-leaves-the-rooms",)


class StaysInRoomsAfterUnregister(RightChateau):
    def do_unregister(self, request: Frame) -> Frame:
        del self.state.names[self.form]
        self.username = None
        return {}


if __name__ == "__main__":
    serve(StaysInRoomsAfterUnregister)
