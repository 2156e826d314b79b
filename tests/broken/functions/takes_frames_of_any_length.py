"""A frame may be as long as it likes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import RightFunctions, serve

BREAKS = ("frames-over-1-mib-close",)


class TakesFramesOfAnyLength(RightFunctions):
    frame_bytes = 1_000_000_000


if __name__ == "__main__":
    serve(TakesFramesOfAnyLength)
