"""A server that does not find an address without its final slash."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = (
    "the-final-slash-is-optional-to-publish",
    "the-final-slash-is-optional-to-subscribe",
    "the-final-slash-is-optional-to-broadcast",
)


class WantsTheSlash(RightChannels):
    slash = "/"


if __name__ == "__main__":
    serve(WantsTheSlash)
