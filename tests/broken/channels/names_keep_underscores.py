"""A server that does not replace underscores in channel names."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("underscore-in-a-channel-name-is-a-colon", "broadcast-normalizes-channel-names")


class KeepsUnderscores(RightChannels):
    def channel(self, name: str) -> str:
        super().channel(name)
        return name.strip().lower()


if __name__ == "__main__":
    serve(KeepsUnderscores)
