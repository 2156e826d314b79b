"""A server that treats a binary frame as text."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("binary-frame-is-binary-frame",)


class AcceptsBinaryFrames(RightChateau):
    def read(self, message: str | bytes) -> Frame:
        return super().read(message.decode(errors="replace") if isinstance(message, bytes) else message)


if __name__ == "__main__":
    serve(AcceptsBinaryFrames)
