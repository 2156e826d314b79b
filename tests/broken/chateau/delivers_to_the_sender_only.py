"""A server that sends a room message only to its sender."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "history-since-a-seq-has-later-messages",
    "join-several-rooms-at-once-works",
    "publish-arrives-in-the-order-of-seq",
    "publish-reaches-members-once",
    "publish-is-one-frame",
    "publish-keeps-the-senders-order",
    "publish-push-has-the-seq-id-and-time-of-the-response",
    "publish-reaches-every-member",
    "publish-with-the-same-key-is-sent-once",
)


class DeliversToTheSenderOnly(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        super().deliver(frame, [self] if frame["type"] == 7 else recipients)


if __name__ == "__main__":
    serve(DeliversToTheSenderOnly)
