"""A server that forgets a ref that Python holds for false."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "answers-come-in-the-order-of-the-requests",
    "ref-comes-back-in-the-answer",
)


class ForgetsTheRef(RightChateau):
    def answer(self, request: Frame, fields: Frame) -> None:
        if not request.get("ref"):
            request = {key: value for key, value in request.items() if key != "ref"}
        super().answer(request, fields)


if __name__ == "__main__":
    serve(ForgetsTheRef)
