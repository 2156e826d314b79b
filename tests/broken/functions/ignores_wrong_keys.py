"""A wrong key counts as none where it is optional."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("wrong-keys-are-rate-limited", "wrong-keys-are-refused")


class IgnoresWrongKeys(RightFunctions):
    def shows_key(self, client: Client, request: Frame) -> bool:
        return self.is_right(request.get("secret_key", ""))


if __name__ == "__main__":
    serve(IgnoresWrongKeys)
