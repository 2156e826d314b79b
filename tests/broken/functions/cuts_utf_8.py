"""A message has as many bytes as it should have characters."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("frames-may-come-in-pieces", "text-is-utf-8")


class CutsUtf8(RightFunctions):
    def push(self, sender: Client, request: Frame) -> Frame:
        message = request["message"]
        cut = message.encode()[: len(message)].decode(errors="ignore")
        return super().push(sender, request | {"message": cut})


if __name__ == "__main__":
    serve(CutsUtf8)
