"""Every secret key is accepted."""

from __future__ import annotations

from right_functions import RightFunctions, serve

BREAKS = ("bans-need-the-key", "wrong-keys-are-rate-limited", "wrong-keys-are-rejected")


class AcceptsAnyKey(RightFunctions):
    def is_right(self, key: str) -> bool:
        return bool(key)


if __name__ == "__main__":
    serve(AcceptsAnyKey)
