"""A server that compares channel names with their case."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("channel-names-ignore-case", "broadcast-normalizes-channel-names")


class MindsCase(RightChannels):
    def channel(self, name: str) -> str:
        super().channel(name)
        return name.strip().replace("_", ":")


if __name__ == "__main__":
    serve(MindsCase)
