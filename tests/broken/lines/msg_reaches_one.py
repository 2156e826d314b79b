"""A server on which MSG reaches one of the clients with the nickname."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("msg-reaches-all-of-one-nickname",)


class FindsOne(RightLines):
    def recipients(self, nick: str) -> list[Client]:
        return super().recipients(nick)[:1]


if __name__ == "__main__":
    serve(FindsOne)
