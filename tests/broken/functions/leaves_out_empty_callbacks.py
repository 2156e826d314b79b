"""An answer has no callback where the call had none."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = (
    "callbacks-are-empty-unless-given",
    "empty-keys-are-none",
    "lists-have-three-keys",
    "unknown-private-and-blocking-look-alike",
)


class LeavesOutEmptyCallbacks(RightFunctions):
    def answer(self, request: Frame, result: Frame) -> Frame:
        answer = super().answer(request, result)
        return answer if answer["callback"] else {key: answer[key] for key in answer if key != "callback"}


if __name__ == "__main__":
    serve(LeavesOutEmptyCallbacks)
