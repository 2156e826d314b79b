"""The recipients of a message get its callback."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "callbacks-stay-with-the-caller",
    "messages-reach-each-recipient",
    "senders-may-be-recipients",
)


class PushesTheCallback(RightFunctions):
    def push(self, sender: Client, request: Frame) -> Frame:
        return super().push(sender, request) | {"callback": request.get("callback", "")}


if __name__ == "__main__":
    serve(PushesTheCallback)
