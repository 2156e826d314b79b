"""What is no object is said not to be JSON."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = ()


class TakesArraysForBadJson(RightOpcodes):
    def refuse(self, client: Client, refused: Refused) -> None:
        refused.code = "invalid_json" if refused.code == "not_an_object" else refused.code
        super().refuse(client, refused)


if __name__ == "__main__":
    serve(TakesArraysForBadJson)
