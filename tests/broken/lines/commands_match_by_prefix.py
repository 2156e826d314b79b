"""A server that treats a line as a command if it starts with the letters of one."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("commands-are-whole-words", "join-room-is-an-alias")


class ReadsBeginnings(RightLines):
    def command_in(self, text: str) -> tuple[str | None, str]:
        for words, command in self.commands.items():
            if text.startswith(words):
                return command, text.removeprefix(words).strip()
        return None, ""


if __name__ == "__main__":
    serve(ReadsBeginnings)
