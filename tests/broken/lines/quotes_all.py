"""A server whose error quotes all that was sent."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, Refused, RightLines, serve

BREAKS = ("an-error-quotes-little",)


class QuotesAll(RightLines):
    def join(self, client: Client, name: str) -> None:
        if client.nick is not None and name and not self.room.fullmatch(name):
            raise Refused(self.invalid_room.format(name))
        super().join(client, name)


if __name__ == "__main__":
    serve(QuotesAll)
