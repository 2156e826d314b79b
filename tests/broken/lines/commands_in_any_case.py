"""A server that accepts commands in lower case."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("commands-are-case-sensitive",)


class ReadsAnyCase(RightLines):
    def command_in(self, text: str) -> tuple[str | None, str]:
        word, _, rest = text.partition(" ")
        return super().command_in(f"{word.upper()} {rest}")


if __name__ == "__main__":
    serve(ReadsAnyCase)
