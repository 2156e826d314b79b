"""A server that delivers every other direct message late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = ("messages-keep-their-order",)


class ReordersMessages(RightChateau):
    said = 0

    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        self.said += frame["type"] == 3
        if frame["type"] == 3 and self.said % 2:
            asyncio.get_running_loop().call_later(0.02, super().deliver, frame, list(recipients))
        else:
            super().deliver(frame, recipients)


if __name__ == "__main__":
    serve(ReordersMessages)
