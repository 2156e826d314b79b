"""Whoever says !auth is the owner."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("auth-needs-the-right-key",)


class TakesAnyKey(RightOpcodes):
    def do_auth(self, client: Client, key: str) -> str:
        client.is_owner = True
        return "You are the owner."


if __name__ == "__main__":
    serve(TakesAnyKey)
