"""A server that passes on text that is not UTF-8."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("a-text-package-that-is-no-utf-8-is-refused",)


class TrustsText(RightChannels):
    def checked(self, kind: str, payload: bytes) -> bytes:
        return payload if kind == "text" else super().checked(kind, payload)


if __name__ == "__main__":
    serve(TrustsText)
