"""An error repeats whatever was wrong, however long it is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = ()


class QuotesAllThatWasSent(RightOpcodes):
    def create(self, client: Client, content: str) -> None:
        try:
            super().create(client, content)
        except Refused as refused:
            raise Refused(refused.code, f"{refused} You said: {content}") from refused


if __name__ == "__main__":
    serve(QuotesAllThatWasSent)
