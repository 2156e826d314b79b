"""A server that publishes the messages of subscribers."""

from __future__ import annotations

from right_channels import Package, RightChannels, Subscription, serve

BREAKS = ("subscriber-messages-are-ignored", "only-the-text-close-closes")


class PassesOnWhatIsSaid(RightChannels):
    def on_frame(self, subscriber: Subscription, frame: str | bytes) -> None:
        super().on_frame(subscriber, frame)
        if isinstance(frame, str) and frame != self.close_word and len(frame) < 1_000:
            self.deliver(Package(subscriber.channel, "text", frame.encode()))


if __name__ == "__main__":
    serve(PassesOnWhatIsSaid)
