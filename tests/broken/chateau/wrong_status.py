"""A server that responds to an unknown room with status 404 instead of 400."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("unknown-room-is-unknown-room",)


class WrongStatus(RightChateau):
    def reject(self, request: Frame, fields: Frame) -> None:
        status = 404 if fields["code"] == "unknown_room" else 400
        super().reject(request, fields | {"status": status})


if __name__ == "__main__":
    serve(WrongStatus)
