"""A server that forwards text that is not UTF-8."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("text-package-with-invalid-utf-8-is-rejected",)


class TrustsText(RightChannels):
    def checked(self, kind: str, payload: bytes) -> bytes:
        return payload if kind == "text" else super().checked(kind, payload)


if __name__ == "__main__":
    serve(TrustsText)
