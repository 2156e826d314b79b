"""A server that encodes the bytes in a broadcast as UTF-8."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = (
    "bytes-in-a-broadcast-are-characters",
    "bytes-beyond-u-00ff-are-rejected",
    "broadcast-is-validated-as-a-whole",
)


class EncodesBytes(RightChannels):
    def bytes_of(self, characters: str) -> bytes:
        return characters.encode()


if __name__ == "__main__":
    serve(EncodesBytes)
