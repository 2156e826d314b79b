"""A server that does not find an address without its final slash."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = (
    "final-slash-is-optional-to-publish",
    "final-slash-is-optional-to-subscribe",
    "final-slash-is-optional-to-broadcast",
)


class WantsTheSlash(RightChannels):
    slash = "/"


if __name__ == "__main__":
    serve(WantsTheSlash)
