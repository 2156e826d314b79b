"""A server that sends a text of many lines as one line of an event stream."""

from __future__ import annotations

from right_channels import Package, RightChannels, serve

BREAKS = ("multi-line-text-is-one-event",)


class WritesOneLine(RightChannels):
    def event(self, package: Package) -> bytes:
        return b"data: " + package.payload + b"\n\n"


if __name__ == "__main__":
    serve(WritesOneLine)
