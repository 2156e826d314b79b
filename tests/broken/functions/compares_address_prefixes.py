"""An address matches all that start with the same digits."""

from __future__ import annotations

from right_functions import RightFunctions, serve

BREAKS = ("addresses-match-exactly",)


class ComparesAddressPrefixes(RightFunctions):
    def is_within(self, ip: str, ranges: list[str]) -> bool:
        return super().is_within(ip, ranges) or any(
            ip.startswith(addresses.removesuffix("/32")) for addresses in ranges
        )


if __name__ == "__main__":
    serve(ComparesAddressPrefixes)
