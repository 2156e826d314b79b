"""A command is done, and said to the room."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("commands-are-the-callers-alone",)


class SaysCommandsAloud(RightOpcodes):
    def command(self, client: Client, content: str) -> None:
        super().command(client, content)
        if content.startswith("!me"):
            self.say(client, content)


if __name__ == "__main__":
    serve(SaysCommandsAloud)
