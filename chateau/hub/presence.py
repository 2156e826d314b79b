"""Presence: report to a room who joins and leaves, or, in a large room, how many members it has.

Up to a limit of members, each join and each leave is an event. Above it the room receives its member count
instead, at most once per second: n members who join and leave one by one would otherwise cost n² frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.events import Joined, Left, MemberCount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chateau.hub.delivery import Delivery
    from chateau.hub.ports import CallLater
    from chateau.hub.room import Room
    from chateau.hub.session import Session

COUNT_INTERVAL_SECONDS = 1.0


class Presence:
    """Delivers joins, leaves and member counts."""

    def __init__(
        self, *, delivery: Delivery, call_later: CallLater, rooms: Mapping[str, Room], limit: int
    ) -> None:
        self._delivery = delivery
        self._call_later = call_later
        self._rooms = rooms
        self._limit = limit
        # Rooms that received their count within the last second: has it changed since then?
        self._changed: dict[str, bool] = {}

    def joined(self, room: Room, session: Session) -> None:
        """Report that *session* joined *room*."""
        self._report(room, Joined(room.name, session.name, session.id))

    def left(self, room: Room, session: Session) -> None:
        """Report that *session* left *room*."""
        self._report(room, Left(room.name, session.name, session.id))

    def _report(self, room: Room, event: Joined | Left) -> None:
        if room.count <= self._limit:
            self._delivery.deliver_to_room(room, event)
        elif room.key in self._changed:
            self._changed[room.key] = True
        else:
            self._report_count(room)

    def _report_count(self, room: Room) -> None:
        self._delivery.deliver_to_room(room, MemberCount(room.name, room.count))
        self._changed[room.key] = False
        self._call_later(COUNT_INTERVAL_SECONDS, lambda: self._on_interval(room.key))

    def _on_interval(self, key: str) -> None:
        changed = self._changed.pop(key)
        room = self._rooms.get(key)
        if changed and room is not None:  # even below the limit: members have missed single leaves
            self._report_count(room)
