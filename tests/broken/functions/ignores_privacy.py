"""Private clients are public."""

from __future__ import annotations

from right_functions import Client, RightFunctions, serve

BREAKS = (
    "addresses-match-exactly",
    "blocks-affect-only-the-caller",
    "empty-key-counts-as-none",
    "privacy-is-public-or-private",
    "private-clients-are-not-listed",
    "private-clients-are-not-reached",
    "ranges-are-allowed",
    "unknown-private-and-blocking-look-alike",
)


class IgnoresPrivacy(RightFunctions):
    def lets_in(self, target: Client, ip: str) -> bool:
        return not self.is_within(ip, target.blocked)


if __name__ == "__main__":
    serve(IgnoresPrivacy)
