"""A server that omits the ref in an error response."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "responses-keep-the-order-of-requests",
    "ref-is-echoed-in-an-error",
)


class OmitsTheRefOfAnError(RightChateau):
    def reject(self, request: Frame, fields: Frame) -> None:
        super().reject({key: value for key, value in request.items() if key != "ref"}, fields)


if __name__ == "__main__":
    serve(OmitsTheRefOfAnError)
