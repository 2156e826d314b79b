"""A server that has no limit to a line."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("a-longer-line-ends-the-connection", "a-line-without-an-end-ends-the-connection")


class TakesAnyLength(RightLines):
    def on_long_line(self, client: Client) -> None:
        """Go on as if nothing was."""


if __name__ == "__main__":
    serve(TakesAnyLength)
