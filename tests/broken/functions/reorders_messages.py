"""Messages close together are delivered in reverse order."""

from __future__ import annotations

import asyncio

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("messages-keep-their-order",)


class ReordersMessages(RightFunctions):
    def __init__(self, secret_key: str | None) -> None:
        super().__init__(secret_key)
        self.waiting: list[tuple[Client, Frame]] = []

    def send(self, client: Client, frame: Frame) -> None:
        if "callback" in frame or "sender" not in frame:
            super().send(client, frame)
        else:
            self.waiting.append((client, frame))
            asyncio.get_running_loop().call_later(0.05, self.hand_over)

    def hand_over(self) -> None:
        super().send(*self.waiting.pop())


if __name__ == "__main__":
    serve(ReordersMessages)
