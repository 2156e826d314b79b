"""A server that writes the times in history with T and an offset."""

from __future__ import annotations

from datetime import datetime

from right_lines import RightLines, serve

BREAKS = ("history-has-the-seeds-timestamps",)


class WritesIsoTimes(RightLines):
    def timestamp(self, moment: datetime) -> str:
        return moment.isoformat()


if __name__ == "__main__":
    serve(WritesIsoTimes)
