"""Whatever is not private is public."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = ("privacy-is-public-or-private",)


class TakesAnyPrivacy(RightFunctions):
    def check_keys(self, request: Frame) -> None:
        if request["function"] == "set_privacy" and request.get("privacy") not in {None, "private"}:
            request["privacy"] = "public"
        super().check_keys(request)


if __name__ == "__main__":
    serve(TakesAnyPrivacy)
