"""A server that tells a room message to all members but the one who said it."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "publish-comes-to-members-once",
    "publish-content-arrives-unchanged",
    "publish-is-the-same-frame-for-every-member",
    "publish-reaches-every-member",
    "what-is-told-of-rooms-fits-its-schema",
)


class DoesNotDeliverToTheSender(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        super().deliver(frame, [one for one in recipients if frame["type"] != 7 or one is not self])


if __name__ == "__main__":
    serve(DoesNotDeliverToTheSender)
