"""A server that finds a recipient only in the registered case."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = (
    "message-normalizes-recipient-names",
    "message-to-a-name-listed-twice-is-delivered-once",
)


class FindsRecipientsByBytes(RightChateau):
    def holder(self, name: str) -> RightChateau | None:
        found = super().holder(name)
        return found if found is not None and found.username == name else None


if __name__ == "__main__":
    serve(FindsRecipientsByBytes)
