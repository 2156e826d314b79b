"""A server that sends a package to the subscribers of all channels."""

from __future__ import annotations

from right_channels import Package, RightChannels, serve

BREAKS = (
    "package-stays-in-its-channel",
    "broadcast-reaches-several-channels",
    "x-delivered-counts-recipients",
)


class ReachesEverybody(RightChannels):
    def deliver(self, package: Package) -> int:
        for subscriber in self.subscribers:
            subscriber.tell(package)
        return len(self.subscribers)


if __name__ == "__main__":
    serve(ReachesEverybody)
