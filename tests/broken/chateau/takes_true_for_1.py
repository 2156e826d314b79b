"""A server for which true is the type 1, as it is for Python."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("type-that-is-not-an-integer-is-unknown-type",)


class TakesTrueFor1(RightChateau):
    def perform(self, request: Frame) -> Frame:
        if request.get("type") is True:
            request["type"] = 1
        return super().perform(request)


if __name__ == "__main__":
    serve(TakesTrueFor1)
