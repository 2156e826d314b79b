"""A server for which the bytes in a broadcast are the string's UTF-8."""

from __future__ import annotations

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
