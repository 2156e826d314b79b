"""A server that accepts lines of any length."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("line-over-16-kib-ends-the-connection", "endless-line-ends-the-connection")


class AcceptsAnyLength(RightLines):
    def on_long_line(self, client: Client) -> None:
        """Ignore it."""


if __name__ == "__main__":
    serve(AcceptsAnyLength)
