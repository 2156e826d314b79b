"""A server that accepts a publish from a client outside the room."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "publish-after-leave-is-not-in-room",
    "publish-without-membership-is-not-in-room",
    "unregister-leaves-the-rooms",
)


class AcceptsPublishFromAnyone(RightChateau):
    def do_publish(self, request: Frame) -> Frame:
        room = self.state.rooms.get(self.form_of(request["room"]))
        if room is None or self in room.members:
            return super().do_publish(request)
        return self.publish(room, request["content"])


if __name__ == "__main__":
    serve(AcceptsPublishFromAnyone)
