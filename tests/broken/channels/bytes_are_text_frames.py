"""A server that sends bytes as text frames."""

from __future__ import annotations

from right_channels import Package, RightChannels, serve

BREAKS = (
    "bytes-package-is-a-binary-frame",
    "bytes-in-a-broadcast-are-characters",
    "broadcast-reaches-several-channels",
)


class WritesBytesAsText(RightChannels):
    def frame(self, package: Package) -> tuple[bytes, bool]:
        payload, is_binary = super().frame(package)
        return (payload.decode("latin-1").encode() if is_binary else payload), False


if __name__ == "__main__":
    serve(WritesBytesAsText)
