"""A server that takes names of channels of any length."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("a-channel-name-has-64-characters-at-most",)


class TakesAnyName(RightChannels):
    def channel(self, name: str) -> str:
        return name.strip().lower().replace("_", ":")


if __name__ == "__main__":
    serve(TakesAnyName)
