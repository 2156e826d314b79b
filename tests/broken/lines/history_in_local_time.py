"""A server that does not treat a time without an offset as UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

from right_lines import RightLines, serve

BREAKS = ("history-times-are-utc",)


class ReadsLocalTimes(RightLines):
    def instant(self, word: str) -> datetime:
        moment = super().instant(word)
        return moment if "+" in word or "Z" in word else moment - timedelta(hours=1)


if __name__ == "__main__":
    serve(ReadsLocalTimes)
