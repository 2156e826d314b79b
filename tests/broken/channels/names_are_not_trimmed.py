"""A server for which blanks around the name of a channel count."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = ("channel-names-are-trimmed", "a-broadcast-uses-normalised-names")


class KeepsBlanks(RightChannels):
    def channel(self, name: str) -> str:
        super().channel(name)
        return name.lower().replace("_", ":")


if __name__ == "__main__":
    serve(KeepsBlanks)
