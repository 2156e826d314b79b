"""A server that sends errors at once and other responses later."""

from __future__ import annotations

import asyncio

from right_chateau import Frame, RightChateau, serve

BREAKS = ("responses-keep-the-order-of-requests",)


class RespondsOutOfOrder(RightChateau):
    def respond(self, request: Frame, fields: Frame) -> None:
        asyncio.get_running_loop().call_later(0.01, super().respond, request, fields)


if __name__ == "__main__":
    serve(RespondsOutOfOrder)
