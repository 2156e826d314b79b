"""Answers come without the callback that was asked for."""

from __future__ import annotations

from right_functions import Frame, RightFunctions, serve

BREAKS = (
    "callbacks-are-echoed",
    "callbacks-stay-with-the-caller",
    "messages-reach-each-recipient",
    "senders-may-be-recipients",
)


class ForgetsTheCallback(RightFunctions):
    def answer(self, request: Frame, result: Frame) -> Frame:
        return super().answer(request, result) | {"callback": ""}


if __name__ == "__main__":
    serve(ForgetsTheCallback)
