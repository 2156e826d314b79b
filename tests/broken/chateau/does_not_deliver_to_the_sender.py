"""A server that sends a room message to all members but its sender."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "publish-reaches-members-once",
    "publish-content-arrives-unchanged",
    "publish-is-one-frame",
    "publish-reaches-every-member",
    "room-frames-match-their-schemas",
)


class DoesNotDeliverToTheSender(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        super().deliver(frame, [one for one in recipients if frame["type"] != 7 or one is not self])


if __name__ == "__main__":
    serve(DoesNotDeliverToTheSender)
