"""A server that sends a room message back to its sender, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "history-since-a-seq-has-what-came-after",
    "join-several-rooms-at-once-works",
    "publish-arrives-in-the-order-of-seq",
    "publish-comes-to-members-once",
    "publish-is-the-same-frame-for-every-member",
    "publish-of-one-sender-arrives-in-its-order",
    "publish-push-has-the-seq-id-and-time-of-the-answer",
    "publish-reaches-every-member",
    "publish-with-the-same-key-is-said-once",
)


class DeliversToTheSenderOnly(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        super().deliver(frame, [self] if frame["type"] == 7 else recipients)


if __name__ == "__main__":
    serve(DeliversToTheSenderOnly)
