"""A frame of more than 64 KiB closes the connection."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, serve

BREAKS = ()


class TakesShortFramesOnly(RightOpcodes):
    frame_bytes = 65_536


if __name__ == "__main__":
    serve(TakesShortFramesOnly)
