"""An op that is not a client's gets no answer."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ()


class IsSilentAboutUnknownOps(RightOpcodes):
    def perform(self, client: Client, request: Frame) -> None:
        if request.get("op") in (1, 3, 4) or "op" not in request:
            super().perform(client, request)


if __name__ == "__main__":
    serve(IsSilentAboutUnknownOps)
