"""A command is answered by the room, not by the server."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ()


class AnswersCommandsInTheRoomsName(RightOpcodes):
    def reply(self, client: Client, text: str) -> None:
        self.send(client, self.said(client.room.name if client.room else self.name, text))


if __name__ == "__main__":
    serve(AnswersCommandsInTheRoomsName)
