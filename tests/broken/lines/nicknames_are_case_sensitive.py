"""A server for which Alice and alice are two nicknames."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("nicknames-ignore-case",)


class MindsCase(RightLines):
    def is_named(self, client: Client, nick: str) -> bool:
        return client.nick == nick


if __name__ == "__main__":
    serve(MindsCase)
