"""A server that ignores the second time of HISTORY."""

from __future__ import annotations

from datetime import UTC, datetime

from right_lines import RightLines, serve

BREAKS = ("history-to-a-time",)


class IgnoresTheEnd(RightLines):
    def interval(self, parameter: str) -> tuple[datetime, datetime]:
        return super().interval(parameter)[0], datetime.max.replace(tzinfo=UTC)


if __name__ == "__main__":
    serve(IgnoresTheEnd)
