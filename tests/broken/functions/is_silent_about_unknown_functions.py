"""A function that there is not gets no answer."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, Refused, RightFunctions, serve

BREAKS = (
    "errors-are-short-sentences",
    "refusals-carry-function-and-callback",
    "unknown-functions-are-refused",
)


class IsSilentAboutUnknownFunctions(RightFunctions):
    def refuse(self, client: Client, request: Frame, refused: Refused) -> None:
        if refused.code != "unknown_type":
            super().refuse(client, request, refused)


if __name__ == "__main__":
    serve(IsSilentAboutUnknownFunctions)
