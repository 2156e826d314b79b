"""A server that quotes an unknown type in full."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("error-quotes-at-most-60-characters",)


class QuotesEverything(RightChateau):
    def reject(self, request: Frame, fields: Frame) -> None:
        if fields["code"] == "unknown_type":
            fields = fields | {"error": f"There is no type {request.get('type')}."}
        super().reject(request, fields)


if __name__ == "__main__":
    serve(QuotesEverything)
