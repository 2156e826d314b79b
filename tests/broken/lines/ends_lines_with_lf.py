"""A server that ends its lines with LF alone."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("lines-end-with-cr-lf",)


class EndsLinesWithLineFeeds(RightLines):
    line_end = "\n"


if __name__ == "__main__":
    serve(EndsLinesWithLineFeeds)
