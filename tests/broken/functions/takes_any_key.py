"""Every secret key is the right one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import RightFunctions, serve

BREAKS = ("bans-need-the-key", "wrong-keys-are-rate-limited", "wrong-keys-are-refused")


class TakesAnyKey(RightFunctions):
    def is_right(self, key: str) -> bool:
        return bool(key)


if __name__ == "__main__":
    serve(TakesAnyKey)
