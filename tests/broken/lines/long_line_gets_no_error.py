"""A server that closes on a line that is too long without an error."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("line-over-16-kib-ends-the-connection", "endless-line-ends-the-connection")


class ClosesWithoutAWord(RightLines):
    def on_long_line(self, client: Client) -> None:
        self.end(client)


if __name__ == "__main__":
    serve(ClosesWithoutAWord)
