"""There is no !help."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import RightOpcodes, serve

BREAKS = ()


class HasNoHelp(RightOpcodes):
    everyones = ("rooms", "users", "join", "me", "auth")


if __name__ == "__main__":
    serve(HasNoHelp)
