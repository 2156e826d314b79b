"""A server that does not sort lists of names."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import RightChateau, serve

BREAKS = (
    "join-returns-the-members",
    "list-is-sorted",
)


class DoesNotSort(RightChateau):
    def names_of(self, sessions: Iterable[RightChateau]) -> list[str]:
        return [session.username for session in sessions if session.username]


if __name__ == "__main__":
    serve(DoesNotSort)
