"""A server whose reason for a 400 quotes the whole request."""

from __future__ import annotations

from right_channels import KINDS, RightChannels, serve

BREAKS = ("error-is-one-short-sentence",)


class QuotesEverything(RightChannels):
    def kind_of(self, written: str) -> str:
        if written.lower() not in KINDS:
            raise self.bad(f"{written} is no type of package.")
        return super().kind_of(written)


if __name__ == "__main__":
    serve(QuotesEverything)
