"""How many examples the generated tests try: all with ``GENERATED=whole``, as in .ci/run; else a quarter."""

from __future__ import annotations

import os

SHARE = 1 if os.environ.get("GENERATED") == "whole" else 4


def examples(number: int) -> int:
    """Return how many of *number* examples this run tries."""
    return number // SHARE
