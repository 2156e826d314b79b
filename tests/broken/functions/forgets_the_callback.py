"""Answers come without the callback that was asked for."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = (
    "callbacks-come-back",
    "callbacks-stay-with-the-caller",
    "messages-reach-each-recipient",
    "senders-that-name-themselves-hear-it",
)


class ForgetsTheCallback(RightFunctions):
    def answer(self, request: Frame, result: Frame) -> Frame:
        return super().answer(request, result) | {"callback": ""}


if __name__ == "__main__":
    serve(ForgetsTheCallback)
