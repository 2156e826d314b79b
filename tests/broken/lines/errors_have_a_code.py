"""A server whose errors have a code in addition to their text."""

from __future__ import annotations

from right_lines import Frame, RightLines, serve

BREAKS = ("errors-have-only-the-seeds-keys",)


class AddsACode(RightLines):
    def error(self, sentence: str) -> Frame:
        return {"type": "error", "error": sentence, "code": "invalid_message"}


if __name__ == "__main__":
    serve(AddsACode)
