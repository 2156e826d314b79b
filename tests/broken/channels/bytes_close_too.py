"""A server that also closes on CLOSE and on a binary close."""

from __future__ import annotations

from right_channels import RightChannels, Subscription, serve

BREAKS = ("only-the-text-close-closes",)


class ClosesOnAnything(RightChannels):
    def on_frame(self, subscriber: Subscription, frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode("latin-1")
        super().on_frame(subscriber, text.lower())


if __name__ == "__main__":
    serve(ClosesOnAnything)
