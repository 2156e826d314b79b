"""A message does not show its sender's custom variables."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("senders-are-shown-with-their-variables",)


class ShowsSendersWithoutVariables(RightFunctions):
    def push(self, sender: Client, request: Frame) -> Frame:
        return {**super().push(sender, request), "sender": self.card(sender) | {"custom": {}}}


if __name__ == "__main__":
    serve(ShowsSendersWithoutVariables)
