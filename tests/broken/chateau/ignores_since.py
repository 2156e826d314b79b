"""A server that ignores since, and returns the whole history."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "history-limit-is-a-maximum",
    "history-since-a-seq-has-later-messages",
    "history-since-the-last-seq-is-empty",
)


class IgnoresSince(RightChateau):
    def select(self, messages: list[Frame], request: Frame) -> list[Frame]:
        return super().select(messages, {key: value for key, value in request.items() if key != "since"})


if __name__ == "__main__":
    serve(IgnoresSince)
