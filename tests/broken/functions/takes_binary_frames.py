"""A binary frame is as good as a text frame."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = ("binary-frames-are-refused",)


class TakesBinaryFrames(RightFunctions):
    def decoded(self, message: str | bytes) -> Frame:
        return super().decoded(message.decode() if isinstance(message, bytes) else message)


if __name__ == "__main__":
    serve(TakesBinaryFrames)
