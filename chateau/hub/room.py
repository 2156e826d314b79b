"""Room: a named topic with its members and its state.

Who hears a room is grouped by the protocol that they speak, because that is how an event goes out to
them: once a protocol. Listeners hear it too, and are no members: they are not counted, listed or told
of. A room knows neither sockets nor storage; see :mod:`chateau.hub.ports`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chateau.hub.ports import EventSink
    from chateau.hub.session import Session

ROOM_NAME_LIMIT = 64
"""Characters of a room's name at most (protocols, "Common to all")."""


class Room:
    """One room. *key* is the form of its name; *name* is how it was first written; *created_at* a time."""

    __slots__ = (
        "banned",
        "closed",
        "count",
        "created_at",
        "id",
        "key",
        "listeners",
        "name",
        "password",
        "subscribers",
    )

    def __init__(self, *, key: str, name: str, id: str, created_at: str) -> None:  # noqa: A002
        self.key = key
        self.name = name
        self.id = id
        self.created_at = created_at
        self.subscribers: dict[EventSink, dict[Session, None]] = {}
        self.count = 0  # members
        self.listeners = 0
        self.closed = False
        self.password: str | None = None
        self.banned: set[str] | None = None  # the forms of usernames that may not come in

    @property
    def available(self) -> bool:
        """Whether anyone may come in."""
        return not self.closed and self.password is None

    @property
    def is_empty(self) -> bool:
        """Whether nobody is inside and nobody's decision about it would be lost with it."""
        return not self.subscribers and self.available and not self.banned

    def add(self, session: Session) -> None:
        """Let *session* in; it is not inside yet."""
        self.subscribers.setdefault(session.protocol, {})[session] = None
        if session.is_listener:
            self.listeners += 1
        else:
            self.count += 1

    def remove(self, session: Session) -> None:
        """Let *session* out; it is inside."""
        group = self.subscribers[session.protocol]
        del group[session]
        if session.is_listener:
            self.listeners -= 1
        else:
            self.count -= 1
        if not group:
            del self.subscribers[session.protocol]

    def members(self) -> Iterator[Session]:
        """Everyone inside who may speak."""
        for group in self.subscribers.values():
            yield from (session for session in group if not session.is_listener)

    def member_names(self) -> list[str]:
        """The names of all members, sorted by their form."""
        return [session.name for session in sorted(self.members(), key=lambda session: session.sort_key)]
