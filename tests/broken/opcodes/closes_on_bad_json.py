"""What is not JSON ends the connection."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = ()


class ClosesOnBadJson(RightOpcodes):
    def refuse(self, client: Client, refused: Refused) -> None:
        super().refuse(client, refused)
        if refused.code == "invalid_json":
            client.socket.close()


if __name__ == "__main__":
    serve(ClosesOnBadJson)
