"""Room: a named topic with its members and its state.

Members are grouped by the protocol that they speak, because that is how an event goes out to them:
once a protocol. A room knows neither sockets nor storage; see :mod:`chateau.hub.ports`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chateau.hub.ports import Subscriber
    from chateau.hub.session import Session

ROOM_NAME_LIMIT = 64
"""Characters of a room's name at most (protocols, "Common to all")."""


class Room:
    """One room. *key* is the form of its name; *name* is how it was first written."""

    __slots__ = ("audience", "closed", "count", "key", "name", "password")

    def __init__(self, *, key: str, name: str) -> None:
        self.key = key
        self.name = name
        self.audience: dict[Subscriber, dict[Session, None]] = {}
        self.count = 0
        self.closed = False
        self.password: str | None = None

    @property
    def available(self) -> bool:
        """Whether anyone may come in."""
        return not self.closed and self.password is None

    def add(self, session: Session) -> None:
        """Let *session* in; it is not inside yet."""
        self.audience.setdefault(session.subscriber, {})[session] = None
        self.count += 1

    def remove(self, session: Session) -> None:
        """Let *session* out; it is inside."""
        group = self.audience[session.subscriber]
        del group[session]
        self.count -= 1
        if not group:
            del self.audience[session.subscriber]

    def members(self) -> Iterator[Session]:
        """Everyone inside."""
        for group in self.audience.values():
            yield from group

    def member_names(self) -> list[str]:
        """The names of everyone inside, sorted by their form."""
        return [session.name for session in sorted(self.members(), key=lambda session: session.sort_key)]
