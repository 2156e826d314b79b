"""A server that treats a package of an unknown type as text."""

from __future__ import annotations

from right_channels import KINDS, RightChannels, serve

BREAKS = (
    "unknown-package-type-is-rejected",
    "rejected-package-gets-bad-request",
    "bad-request-has-x-error",
    "error-is-one-short-sentence",
)


class TakesAnyType(RightChannels):
    def kind_of(self, written: str) -> str:
        return written.lower() if written.lower() in KINDS else "text"


if __name__ == "__main__":
    serve(TakesAnyType)
