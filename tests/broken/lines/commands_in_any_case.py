"""A server that takes commands in small letters."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import RightLines, serve

BREAKS = ("commands-are-case-sensitive",)


class ReadsAnyCase(RightLines):
    def command_in(self, text: str) -> tuple[str | None, str]:
        word, _, rest = text.partition(" ")
        return super().command_in(f"{word.upper()} {rest}")


if __name__ == "__main__":
    serve(ReadsAnyCase)
