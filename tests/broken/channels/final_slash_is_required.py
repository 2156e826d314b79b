"""A server that does not find an address without its final slash."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = (
    "the-final-slash-is-optional-to-publish",
    "the-final-slash-is-optional-to-subscribe",
    "the-final-slash-is-optional-to-broadcast",
)


class WantsTheSlash(RightChannels):
    slash = "/"


if __name__ == "__main__":
    serve(WantsTheSlash)
