"""A server on which MSG reaches all clients with the nickname."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("msg-reaches-the-first-of-one-nickname",)


class FindsAll(RightLines):
    def recipients(self, nick: str) -> list[Client]:
        return [client for client in self.clients if self.is_named(client, nick)]


if __name__ == "__main__":
    serve(FindsAll)
