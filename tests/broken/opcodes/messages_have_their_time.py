"""A message has a key that nobody knows."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Frame, RightOpcodes, serve

BREAKS = ()


class MessagesHaveTheirTime(RightOpcodes):
    def said(self, author: str, content: str) -> Frame:
        return {"op": 0, "d": {"author": author, "content": content, "time": "2026-11-20T09:30:00Z"}}


if __name__ == "__main__":
    serve(MessagesHaveTheirTime)
