"""A server that does not trim channel names."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("channel-names-are-trimmed", "broadcast-normalizes-channel-names")


class KeepsBlanks(RightChannels):
    def channel(self, name: str) -> str:
        super().channel(name)
        return name.lower().replace("_", ":")


if __name__ == "__main__":
    serve(KeepsBlanks)
