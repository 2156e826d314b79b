"""Error responses have no callback."""

from __future__ import annotations

from right_functions import Frame, Refused, RightFunctions, serve

BREAKS = ("errors-have-function-and-callback", "unknown-functions-are-rejected")


class OmitsTheCallbackOfAnError(RightFunctions):
    def error(self, request: Frame, refused: Refused) -> Frame:
        return super().error(request, refused) | {"callback": ""}


if __name__ == "__main__":
    serve(OmitsTheCallbackOfAnError)
