"""A server that writes the times in history with T and an offset."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import RightLines, serve

BREAKS = ("history-has-the-seeds-timestamps",)


class WritesIsoTimes(RightLines):
    def timestamp(self, moment: datetime) -> str:
        return moment.isoformat()


if __name__ == "__main__":
    serve(WritesIsoTimes)
