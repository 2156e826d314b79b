"""A server that returns the newest history first."""

from __future__ import annotations

from right_lines import Client, Frame, RightLines, serve

BREAKS = ("history-is-oldest-first",)


class BeginsWithTheLast(RightLines):
    def entries(self, client: Client, parameter: str) -> list[Frame]:
        return super().entries(client, parameter)[::-1]


if __name__ == "__main__":
    serve(BeginsWithTheLast)
