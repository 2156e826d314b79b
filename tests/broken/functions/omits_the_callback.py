"""Responses have no callback."""

from __future__ import annotations

from right_functions import Frame, RightFunctions, serve

BREAKS = (
    "callbacks-are-echoed",
    "callbacks-stay-with-the-caller",
    "messages-reach-each-recipient",
    "senders-may-be-recipients",
)


class OmitsTheCallback(RightFunctions):
    def respond(self, request: Frame, result: Frame) -> Frame:
        return super().respond(request, result) | {"callback": ""}


if __name__ == "__main__":
    serve(OmitsTheCallback)
