"""A server that omits a ref that is false in Python."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "responses-keep-the-order-of-requests",
    "ref-is-echoed-in-the-response",
)


class OmitsFalsyRefs(RightChateau):
    def respond(self, request: Frame, fields: Frame) -> None:
        if not request.get("ref"):
            request = {key: value for key, value in request.items() if key != "ref"}
        super().respond(request, fields)


if __name__ == "__main__":
    serve(OmitsFalsyRefs)
