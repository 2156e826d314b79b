"""An unknown command is a message."""

from __future__ import annotations

from right_opcodes import RightOpcodes, serve

BREAKS = ("unknown-commands-are-rejected",)


class SendsUnknownCommandsToTheRoom(RightOpcodes):
    def is_command(self, content: str) -> bool:
        name = content.removeprefix(self.prefix).partition(" ")[0]
        return super().is_command(content) and name in self.everyones + self.owners


if __name__ == "__main__":
    serve(SendsUnknownCommandsToTheRoom)
