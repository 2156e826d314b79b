"""A server that accepts package types in lower case only."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("package-type-ignores-case",)


class MindsTypes(RightChannels):
    def kind_of(self, written: str) -> str:
        if written != written.lower():
            raise self.bad("A package is text, json or bytes.")
        return super().kind_of(written)


if __name__ == "__main__":
    serve(MindsTypes)
