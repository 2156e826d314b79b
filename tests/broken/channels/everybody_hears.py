"""A server that sends a package to the subscribers of all channels."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import Package, RightChannels, serve

BREAKS = (
    "a-package-stays-in-its-channel",
    "a-broadcast-reaches-many-channels",
    "x-delivered-says-how-many-got-it",
)


class ReachesEverybody(RightChannels):
    def deliver(self, package: Package) -> int:
        for subscriber in self.subscribers:
            subscriber.tell(package)
        return len(self.subscribers)


if __name__ == "__main__":
    serve(ReachesEverybody)
