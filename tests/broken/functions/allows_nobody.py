"""A private client is reached by nobody, whoever is allowed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, RightFunctions, serve

BREAKS = ("addresses-are-compared-whole", "allowed-addresses-reach-private-clients", "ranges-are-allowed")


class AllowsNobody(RightFunctions):
    def lets_in(self, target: Client, ip: str) -> bool:
        return target.privacy == "public" and super().lets_in(target, ip)


if __name__ == "__main__":
    serve(AllowsNobody)
