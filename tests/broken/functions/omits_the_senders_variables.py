"""A message does not have its sender's custom variables."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("pushes-have-the-senders-variables",)


class OmitsTheSendersVariables(RightFunctions):
    def push(self, sender: Client, request: Frame) -> Frame:
        return {**super().push(sender, request), "sender": self.card(sender) | {"custom": {}}}


if __name__ == "__main__":
    serve(OmitsTheSendersVariables)
