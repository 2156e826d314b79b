"""Refusals come without the callback that was asked for."""

from __future__ import annotations

from right_functions import Frame, Refused, RightFunctions, serve

BREAKS = ("errors-have-function-and-callback", "unknown-functions-are-rejected")


class ForgetsTheCallbackOfARefusal(RightFunctions):
    def refusal(self, request: Frame, refused: Refused) -> Frame:
        return super().refusal(request, refused) | {"callback": ""}


if __name__ == "__main__":
    serve(ForgetsTheCallbackOfARefusal)
