"""A server that ignores the text close like all the rest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = ("the-text-close-closes",)


class IgnoresClose(RightChannels):
    close_word = None


if __name__ == "__main__":
    serve(IgnoresClose)
