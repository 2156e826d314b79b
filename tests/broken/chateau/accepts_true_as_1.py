"""A server that treats true as the type 1, as Python does."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("type-that-is-not-an-integer-is-unknown-type",)


class AcceptsTrueAs1(RightChateau):
    def perform(self, request: Frame) -> Frame:
        if request.get("type") is True:
            request["type"] = 1
        return super().perform(request)


if __name__ == "__main__":
    serve(AcceptsTrueAs1)
