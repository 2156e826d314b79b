"""A server that closes on a line that is too long without a word."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("a-longer-line-ends-the-connection", "a-line-without-an-end-ends-the-connection")


class ClosesWithoutAWord(RightLines):
    def on_long_line(self, client: Client) -> None:
        self.end(client)


if __name__ == "__main__":
    serve(ClosesWithoutAWord)
