"""Room: a named topic with its members, listeners and moderation state.

The subscribers of a room, its members and listeners, are grouped by protocol, because each event is passed
to a protocol once. Listeners receive the same events as members, but are not counted, listed or reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chateau.hub.ports import EventSink
    from chateau.hub.session import Session

ROOM_NAME_LIMIT = 64
"""Maximum length of a room's name, in characters (protocols, "Common to all")."""


@dataclass(slots=True, eq=False, kw_only=True)
class Room:
    """A room. Only the hub changes it."""

    key: str  # the normalized name
    name: str  # as first written
    id: str
    created_at: str
    subscribers: dict[EventSink, dict[Session, None]] = field(default_factory=dict)
    count: int = 0  # members
    listeners: int = 0
    closed: bool = False
    password: str | None = None
    banned: set[str] | None = None  # normalized usernames

    @property
    def available(self) -> bool:
        """Whether everybody can join."""
        return not self.closed and self.password is None

    @property
    def is_empty(self) -> bool:
        """Whether it has no subscribers and no moderation state."""
        return not self.subscribers and self.available and not self.banned

    def add(self, session: Session) -> None:
        """Add *session*, which must not be a subscriber yet."""
        self.subscribers.setdefault(session.protocol, {})[session] = None
        if session.is_listener:
            self.listeners += 1
        else:
            self.count += 1

    def remove(self, session: Session) -> None:
        """Remove *session*, which must be a subscriber."""
        group = self.subscribers[session.protocol]
        del group[session]
        if session.is_listener:
            self.listeners -= 1
        else:
            self.count -= 1
        if not group:
            del self.subscribers[session.protocol]

    def members(self) -> Iterator[Session]:
        """Yield all members."""
        for group in self.subscribers.values():
            yield from (session for session in group if not session.is_listener)

    def member_names(self) -> list[str]:
        """Return the names of all members, sorted by their normalized names."""
        return [session.name for session in sorted(self.members(), key=lambda session: session.sort_key)]
