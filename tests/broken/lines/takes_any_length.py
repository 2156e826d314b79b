"""A server that has no limit to a line."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("a-longer-line-ends-the-connection", "a-line-without-an-end-ends-the-connection")


class TakesAnyLength(RightLines):
    def on_long_line(self, client: Client) -> None:
        """Go on as if nothing was."""


if __name__ == "__main__":
    serve(TakesAnyLength)
