"""A server without JOIN ROOM, LEAVE ROOM, LEFT ROOM and LEFT."""

from __future__ import annotations

from right_lines import COMMANDS, RightLines, serve

BREAKS = ("leave-has-aliases", "join-room-is-an-alias")


class HasNoAliases(RightLines):
    commands = {  # noqa: RUF012
        words: name for words, name in COMMANDS.items() if "ROOM" not in words.split() and words != "LEFT"
    }


if __name__ == "__main__":
    serve(HasNoAliases)
