"""A message may be left out; it is empty then."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = ("calls-without-what-they-need-are-refused", "refusals-carry-function-and-callback")


class TakesCallsWithoutAMessage(RightFunctions):
    def check_keys(self, request: Frame) -> None:
        if request["function"] == "send_message":
            request.setdefault("message", "")
        super().check_keys(request)


if __name__ == "__main__":
    serve(TakesCallsWithoutAMessage)
