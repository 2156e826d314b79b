"""What is no address is blocked like one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, RightFunctions, serve

BREAKS = ("errors-are-short-sentences", "what-is-no-address-is-refused")


class TakesAnythingForAnAddress(RightFunctions):
    def addresses(self, request: Frame) -> str:
        return super().addresses(request | ({} if "." in request["ip"] else {"ip": "192.0.2.1"}))


if __name__ == "__main__":
    serve(TakesAnythingForAnAddress)
