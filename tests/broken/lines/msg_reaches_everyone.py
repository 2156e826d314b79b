"""A server on which MSG reaches every client."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("msg-is-private", "msg-reaches-the-first-of-one-nickname")


class TellsSecrets(RightLines):
    def recipients(self, nick: str) -> list[Client]:
        return self.clients if super().recipients(nick) else []


if __name__ == "__main__":
    serve(TellsSecrets)
