"""A server that delivers every other room message late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "publish-arrives-in-the-order-of-seq",
    "publish-keeps-the-senders-order",
)


class ReordersRoomMessages(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        if frame["type"] == 7 and frame["seq"] % 2:
            asyncio.get_running_loop().call_later(0.02, super().deliver, frame, list(recipients))
        else:
            super().deliver(frame, recipients)


if __name__ == "__main__":
    serve(ReordersRoomMessages)
