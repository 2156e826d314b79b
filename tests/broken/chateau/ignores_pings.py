"""A server that sends no pongs."""

from __future__ import annotations

from right_chateau import Protocol, RightChateau, serve

BREAKS = (
    "message-in-fragments-is-accepted",
    "ping-gets-a-pong",
)


class Deaf(Protocol):
    def _send_pong(self, data: bytes) -> None:
        pass


class IgnoresPings(RightChateau):
    protocol = Deaf


if __name__ == "__main__":
    serve(IgnoresPings)
