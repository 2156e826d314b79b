"""A server that hears pings and says nothing."""

from __future__ import annotations

from right_chateau import RightChateau, Wire, serve

BREAKS = (
    "message-in-fragments-is-accepted",
    "ping-gets-a-pong",
)


class Deaf(Wire):
    def _send_pong(self, data: bytes) -> None:
        pass


class NeverAnswersPings(RightChateau):
    wire = Deaf


if __name__ == "__main__":
    serve(NeverAnswersPings)
