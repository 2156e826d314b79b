"""A server that says of an unknown type what it is, however long."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("error-quotes-at-most-60-characters",)


class QuotesAllThatWasSent(RightChateau):
    def refuse(self, request: Frame, fields: Frame) -> None:
        if fields["code"] == "unknown_type":
            fields = fields | {"error": f"There is no type {request.get('type')}."}
        super().refuse(request, fields)


if __name__ == "__main__":
    serve(QuotesAllThatWasSent)
