"""A server that counts bytes instead of characters, and cuts long content within a character."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = ("content-of-180000-bytes-arrives-unchanged",)


class CutsUtf8(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        if "content" in frame:
            frame = frame | {"content": frame["content"].encode()[:1025].decode(errors="replace")}
        super().deliver(frame, recipients)


if __name__ == "__main__":
    serve(CutsUtf8)
