"""A server whose error quotes the whole line."""

from __future__ import annotations

from right_lines import Client, Refused, RightLines, serve

BREAKS = ("error-quotes-little",)


class QuotesEverything(RightLines):
    def join(self, client: Client, name: str) -> None:
        if client.nick is not None and name and not self.room.fullmatch(name):
            raise Refused(self.invalid_room.format(name))
        super().join(client, name)


if __name__ == "__main__":
    serve(QuotesEverything)
