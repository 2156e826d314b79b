"""A server that takes a package of an unknown type for text."""

from __future__ import annotations

from right_channels import KINDS, RightChannels, serve

BREAKS = (
    "an-unknown-package-type-is-refused",
    "a-bad-request-is-answered-so",
    "a-bad-request-says-why",
    "an-error-quotes-little",
)


class TakesAnyType(RightChannels):
    def kind_of(self, written: str) -> str:
        return written.lower() if written.lower() in KINDS else "text"


if __name__ == "__main__":
    serve(TakesAnyType)
