"""Custom variables have no limit."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import RightFunctions, serve

BREAKS = ("custom-variables-have-16-kib",)


class CustomVariablesHaveAnySize(RightFunctions):
    custom_bytes = 1_000_000


if __name__ == "__main__":
    serve(CustomVariablesHaveAnySize)
