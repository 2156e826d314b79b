"""A server that sends a package to the first subscriber only."""

from __future__ import annotations

from right_channels import Package, RightChannels, serve

BREAKS = (
    "package-reaches-every-subscriber",
    "x-delivered-counts-recipients",
    "event-streams-and-websockets-get-the-same-packages",
    "subscriber-messages-are-ignored",
)


class ReachesOne(RightChannels):
    def deliver(self, package: Package) -> int:
        listening = [one for one in self.subscribers if one.channel == package.channel][:1]
        for subscriber in listening:
            subscriber.tell(package)
        return len(listening)


if __name__ == "__main__":
    serve(ReachesOne)
