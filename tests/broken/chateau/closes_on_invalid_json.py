"""A server that closes the connection on invalid JSON."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "errors-match-their-schema",
    "error-quotes-at-most-60-characters",
    "text-other-than-json-is-invalid-json",
    "connection-stays-open-after-an-error",
)


class ClosesOnInvalidJson(RightChateau):
    def reject(self, request: Frame, fields: Frame) -> None:
        super().reject(request, fields)
        if fields["code"] == "invalid_json":
            self.close()


if __name__ == "__main__":
    serve(ClosesOnInvalidJson)
