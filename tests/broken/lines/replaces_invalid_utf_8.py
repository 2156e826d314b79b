"""A server that sends a line that is not UTF-8 to the room, with replacement characters."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("invalid-utf-8-is-rejected",)


class ReplacesBytes(RightLines):
    def text_of(self, line: bytes) -> str:
        return line.decode(errors="replace")


if __name__ == "__main__":
    serve(ReplacesBytes)
