"""A server on which MSG reaches everybody."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("msg-is-private", "msg-reaches-all-of-one-nickname")


class TellsSecrets(RightLines):
    def recipients(self, nick: str) -> list[Client]:
        return self.clients if super().recipients(nick) else []


if __name__ == "__main__":
    serve(TellsSecrets)
