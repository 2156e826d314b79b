"""A server that shows history with the last line first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, Frame, RightLines, serve

BREAKS = ("history-is-oldest-first",)


class BeginsWithTheLast(RightLines):
    def entries(self, client: Client, parameter: str) -> list[Frame]:
        return super().entries(client, parameter)[::-1]


if __name__ == "__main__":
    serve(BeginsWithTheLast)
