"""Answers come without the callback that was asked for."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = (
    "bans-are-lifted",
    "bans-refuse-every-request",
    "binary-frames-are-refused",
    "callbacks-come-back",
    "callbacks-stay-with-the-caller",
    "calls-with-wrong-values-are-refused",
    "calls-without-what-they-need-are-refused",
    "fragments-are-one-message",
    "frames-may-come-in-pieces",
    "messages-keep-their-order",
    "messages-reach-each-recipient",
    "public-clients-are-listed",
    "senders-that-name-themselves-hear-it",
    "text-is-utf-8",
    "the-key-lists-private-clients",
    "undelivered-lists-who-was-not-reached",
    "unknown-functions-are-refused",
    "what-is-no-object-is-refused",
    "what-is-not-json-is-refused",
)


class ForgetsTheCallback(RightFunctions):
    def answer(self, request: Frame, result: Frame) -> Frame:
        return super().answer(request, result) | {"callback": ""}


if __name__ == "__main__":
    serve(ForgetsTheCallback)
