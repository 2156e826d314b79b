"""A server that answers 404 for a room that it does not know, where 400 is right."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("unknown-room-is-unknown-room",)


class WrongStatus(RightChateau):
    def refuse(self, request: Frame, fields: Frame) -> None:
        status = 404 if fields["code"] == "unknown_room" else 400
        super().refuse(request, fields | {"status": status})


if __name__ == "__main__":
    serve(WrongStatus)
