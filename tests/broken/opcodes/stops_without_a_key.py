"""An op 3 stops the server where it has no key at all."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ()


class StopsWithoutAKey(RightOpcodes):
    def perform(self, client: Client, request: Frame) -> None:
        if request.get("op") == 3 and "key" not in request.get("d", {"key": ""}):
            self.stop(None)
        super().perform(client, request)


if __name__ == "__main__":
    serve(StopsWithoutAKey)
