"""An error repeats whatever was wrong, however long it is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, Refused, RightFunctions, serve

BREAKS = ("errors-are-short-sentences",)


class QuotesAllThatWasSent(RightFunctions):
    def refusal(self, request: Frame, refused: Refused) -> Frame:
        error = f"{refused} You said: {request}"
        return super().refusal(request, refused) | {"error": error}


if __name__ == "__main__":
    serve(QuotesAllThatWasSent)
