"""A server that ignores the text close."""

from __future__ import annotations

from right_channels import RightChannels, serve

BREAKS = ("text-close-closes",)


class IgnoresClose(RightChannels):
    close_word = None


if __name__ == "__main__":
    serve(IgnoresClose)
