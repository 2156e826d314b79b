"""A server that accepts channel names of any length."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("channel-name-of-65-characters-is-rejected",)


class TakesAnyName(RightChannels):
    def channel(self, name: str) -> str:
        return name.strip().lower().replace("_", ":")


if __name__ == "__main__":
    serve(TakesAnyName)
