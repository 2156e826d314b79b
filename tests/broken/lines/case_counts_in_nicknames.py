"""A server for which Alice and alice are two nicknames."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("nicknames-are-compared-without-case",)


class MindsCase(RightLines):
    def is_named(self, client: Client, nick: str) -> bool:
        return client.nick == nick


if __name__ == "__main__":
    serve(MindsCase)
