"""A server that requires the final slash of a path."""

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
