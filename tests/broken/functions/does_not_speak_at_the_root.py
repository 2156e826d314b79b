"""There is nothing at /."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import RightFunctions, serve

BREAKS = ("the-root-path-speaks-functions",)


class DoesNotSpeakAtTheRoot(RightFunctions):
    paths = ("/functions",)


if __name__ == "__main__":
    serve(DoesNotSpeakAtTheRoot)
