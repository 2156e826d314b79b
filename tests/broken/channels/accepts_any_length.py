"""A server that accepts frames of any length from a subscriber."""

from __future__ import annotations

from right_channels import RightChannels, Subscription, serve

BREAKS = ("frame-over-1-mib-closes-with-1009",)


class AcceptsAnyLength(RightChannels):
    def on_frame(self, subscriber: Subscription, frame: str | bytes) -> None:
        if frame == self.close_word:
            subscriber.close()


if __name__ == "__main__":
    serve(AcceptsAnyLength)
