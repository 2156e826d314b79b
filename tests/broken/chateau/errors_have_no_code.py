"""A server whose error for invalid JSON has no code."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "errors-match-their-schema",
    "text-other-than-json-is-invalid-json",
)


class ErrorsHaveNoCode(RightChateau):
    def reject(self, request: Frame, fields: Frame) -> None:
        if fields["code"] == "invalid_json":
            fields = {"status": 400, "error": "Bad request."}
        super().reject(request, fields)


if __name__ == "__main__":
    serve(ErrorsHaveNoCode)
