"""Custom variables are kept as texts."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = ("custom-variables-are-any-json", "custom-variables-are-merged")


class CustomVariablesAreTexts(RightFunctions):
    def merged(self, custom: Frame, given: Frame) -> Frame:
        return custom | {name: str(value) for name, value in given.items()}


if __name__ == "__main__":
    serve(CustomVariablesAreTexts)
