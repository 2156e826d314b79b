"""Presence: telling a room who came and who went, or, in a crowd, how many are there.

Up to a limit of members every join and leave is told. Above it a room hears its count instead, at
most once a second: n members who come and go one by one would otherwise cost n² frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.events import Joined, Left, MemberCount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chateau.hub.events import Event
    from chateau.hub.ports import CallLater
    from chateau.hub.room import Room
    from chateau.hub.session import Session

COUNT_INTERVAL_SECONDS = 1.0


class Presence:
    """Announces joins, leaves and counts."""

    def __init__(
        self,
        *,
        announce: Callable[[Event], None],
        call_later: CallLater,
        rooms: Mapping[str, Room],
        limit: int,
    ) -> None:
        self._announce = announce
        self._call_later = call_later
        self._rooms = rooms
        self._limit = limit
        self._resting: dict[
            str, bool
        ] = {}  # crowds told within the last second: has the count changed since?

    def joined(self, room: Room, session: Session) -> None:
        """*session* came into *room*."""
        self._tell(room, Joined(room.name, session.name, session.id))

    def left(self, room: Room, session: Session) -> None:
        """*session* went out of *room*."""
        self._tell(room, Left(room.name, session.name, session.id))

    def _tell(self, room: Room, event: Joined | Left) -> None:
        if room.count <= self._limit:
            self._announce(event)
        elif room.key in self._resting:
            self._resting[room.key] = True
        else:
            self._tell_count(room)

    def _tell_count(self, room: Room) -> None:
        self._announce(MemberCount(room.name, room.count))
        self._resting[room.key] = False
        self._call_later(COUNT_INTERVAL_SECONDS, lambda: self._wake(room.key))

    def _wake(self, key: str) -> None:
        changed = self._resting.pop(key)
        room = self._rooms.get(key)
        if changed and room is not None:  # also where the crowd is none any more: single leaves went untold
            self._tell_count(room)
