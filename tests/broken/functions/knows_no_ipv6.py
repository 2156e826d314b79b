"""IPv6 addresses are refused."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, Refused, RightFunctions, serve

BREAKS = ("ipv6-addresses-are-taken",)


class KnowsNoIpv6(RightFunctions):
    def addresses(self, request: Frame) -> str:
        if ":" in request["ip"]:
            raise Refused("invalid_message", "That is no address.")
        return super().addresses(request)


if __name__ == "__main__":
    serve(KnowsNoIpv6)
