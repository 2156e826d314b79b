"""A server that shuts down with the close code 1000."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("shutdown-closes-with-1001",)


class StopsWith1000(RightChannels):
    goodbye = (1000, "")


if __name__ == "__main__":
    serve(StopsWith1000)
