"""A server that stops closes as if all was said."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, serve

BREAKS = ()


class StopsWith1000(RightOpcodes):
    def shut_down(self) -> None:
        for client in self.clients:
            self.send(client, {"op": 3, "d": {"reason": self.reason}})
            client.socket.close(1000)


if __name__ == "__main__":
    serve(StopsWith1000)
