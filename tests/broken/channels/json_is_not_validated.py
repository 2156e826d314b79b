"""A server that forwards JSON without validating it."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("json-package-is-validated",)


class TrustsJson(RightChannels):
    def checked(self, kind: str, payload: bytes) -> bytes:
        return payload if kind == "json" else super().checked(kind, payload)


if __name__ == "__main__":
    serve(TrustsJson)
