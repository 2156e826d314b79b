"""A range matches only its first address."""

from __future__ import annotations

from right_functions import RightFunctions, serve

BREAKS = ("ranges-are-allowed", "ranges-are-blocked")


class TreatsRangesAsAddresses(RightFunctions):
    def is_within(self, ip: str, ranges: list[str]) -> bool:
        return any(ip == addresses.partition("/")[0] for addresses in ranges)


if __name__ == "__main__":
    serve(TreatsRangesAsAddresses)
