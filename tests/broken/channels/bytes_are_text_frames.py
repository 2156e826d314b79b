"""A server that sends bytes as text frames."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import Package, RightChannels, serve

BREAKS = (
    "a-bytes-package-is-a-binary-frame",
    "bytes-in-a-broadcast-are-characters",
    "a-broadcast-reaches-many-channels",
)


class WritesBytesAsText(RightChannels):
    def frame(self, package: Package) -> tuple[bytes, bool]:
        payload, is_binary = super().frame(package)
        return (payload.decode("latin-1").encode() if is_binary else payload), False


if __name__ == "__main__":
    serve(WritesBytesAsText)
