"""A server that has no limit to a line."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("line-over-16-kib-ends-the-connection", "endless-line-ends-the-connection")


class TakesAnyLength(RightLines):
    def on_long_line(self, client: Client) -> None:
        """Go on as if nothing was."""


if __name__ == "__main__":
    serve(TakesAnyLength)
