"""A server that responds to unregister twice."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "requests-after-unregister-are-not-registered",
    "unregister-frees-the-name",
    "unregister-returns-status-200",
)


class RespondsTwice(RightChateau):
    def respond(self, request: Frame, fields: Frame) -> None:
        super().respond(request, fields)
        if request["type"] == 2:
            super().respond(request, fields)


if __name__ == "__main__":
    serve(RespondsTwice)
