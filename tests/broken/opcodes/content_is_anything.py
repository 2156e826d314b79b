"""The content of a message may be of any kind."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ()


class ContentIsAnything(RightOpcodes):
    def perform(self, client: Client, request: Frame) -> None:
        if request.get("op") == 1 and isinstance(request.get("d"), dict) and "content" in request["d"]:
            request["d"]["content"] = str(request["d"]["content"])
        super().perform(client, request)


if __name__ == "__main__":
    serve(ContentIsAnything)
