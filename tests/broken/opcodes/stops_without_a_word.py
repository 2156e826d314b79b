"""Nobody is told that the server stops."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, serve

BREAKS = ()


class StopsWithoutAWord(RightOpcodes):
    def shut_down(self) -> None:
        for client in self.clients:
            client.socket.close(1001, "server shutdown")


if __name__ == "__main__":
    serve(StopsWithoutAWord)
