"""New custom variables are in place of the old ones, not beside them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = ("custom-variables-are-merged", "custom-variables-have-16-kib")


class ReplacesCustomVariables(RightFunctions):
    def merged(self, custom: Frame, given: Frame) -> Frame:
        return given


if __name__ == "__main__":
    serve(ReplacesCustomVariables)
