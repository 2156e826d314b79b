"""A server that shows all history there is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import RightLines, serve

BREAKS = ("history-has-a-thousand-lines-at-most",)


class ShowsEverything(RightLines):
    history_limit = 10**9


if __name__ == "__main__":
    serve(ShowsEverything)
