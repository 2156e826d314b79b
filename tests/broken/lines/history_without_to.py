"""A server whose lines of history have no to."""

from __future__ import annotations

from datetime import datetime

from right_lines import Client, Frame, RightLines, serve

BREAKS = ("history-is-addressed-to-the-caller", "history-has-the-seeds-form")


class LeavesOutTo(RightLines):
    def entry(self, client: Client, moment: datetime, event: Frame) -> Frame:
        entry = super().entry(client, moment, event)
        del entry["body"]["to"]
        return entry


if __name__ == "__main__":
    serve(LeavesOutTo)
