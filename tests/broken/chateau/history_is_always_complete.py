"""A server whose history is always complete."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "history-limit-is-a-maximum",
    "history-without-a-limit-has-100-messages",
)


class HistoryIsAlwaysComplete(RightChateau):
    def do_history(self, request: Frame) -> Frame:
        return super().do_history(request) | {"complete": True}


if __name__ == "__main__":
    serve(HistoryIsAlwaysComplete)
