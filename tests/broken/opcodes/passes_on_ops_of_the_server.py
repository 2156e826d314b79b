"""Whatever a client says with op 0 goes to the room as it is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ()


class PassesOnOpsOfTheServer(RightOpcodes):
    def perform(self, client: Client, request: Frame) -> None:
        if request.get("op") == 0 and client.room is not None:
            self.tell(client.room, request)
        super().perform(client, request)


if __name__ == "__main__":
    serve(PassesOnOpsOfTheServer)
