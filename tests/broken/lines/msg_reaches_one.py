"""A server on which MSG reaches one of those who have the nickname."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("msg-reaches-all-of-one-nickname",)


class FindsOne(RightLines):
    def recipients(self, nick: str) -> list[Client]:
        return super().recipients(nick)[:1]


if __name__ == "__main__":
    serve(FindsOne)
