"""A server for which an underscore in the name of a channel is one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = ("an-underscore-in-a-channel-name-is-a-colon", "a-broadcast-uses-normalised-names")


class KeepsUnderscores(RightChannels):
    def channel(self, name: str) -> str:
        super().channel(name)
        return name.strip().lower()


if __name__ == "__main__":
    serve(KeepsUnderscores)
