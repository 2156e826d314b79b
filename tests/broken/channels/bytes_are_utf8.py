"""A server for which the bytes in a broadcast are the string's UTF-8."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = (
    "bytes-in-a-broadcast-are-characters",
    "a-character-that-is-no-byte-is-refused",
    "a-broadcast-is-checked-as-a-whole",
)


class EncodesBytes(RightChannels):
    def bytes_of(self, characters: str) -> bytes:
        return characters.encode()


if __name__ == "__main__":
    serve(EncodesBytes)
