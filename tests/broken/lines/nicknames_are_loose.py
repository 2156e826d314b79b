"""A server that accepts any word of two letters as a nickname."""

from __future__ import annotations

import re

from right_lines import RightLines, serve

BREAKS = ("login-rejects-an-invalid-nickname",)


class TakesAnyWord(RightLines):
    nick = re.compile(r"\w{2,}")


if __name__ == "__main__":
    serve(TakesAnyWord)
