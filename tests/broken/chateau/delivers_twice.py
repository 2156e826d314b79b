"""A server that delivers a message once per occurrence of a name."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = ("message-to-a-name-listed-twice-is-delivered-once",)


class DeliversTwice(RightChateau):
    def recipients(self, names: list[str]) -> list[RightChateau]:
        super().recipients(names)
        return [holder for name in names if (holder := self.holder(name)) is not None]


if __name__ == "__main__":
    serve(DeliversTwice)
