"""A server that returns the whole history."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("history-has-at-most-a-thousand-lines",)


class ShowsEverything(RightLines):
    history_limit = 10**9


if __name__ == "__main__":
    serve(ShowsEverything)
