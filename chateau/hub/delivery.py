"""Delivery: pass events to the protocols of the sessions that receive them.

Every event passes through here, so a session receives its events in the order in which the hub creates
them. An event is passed to each protocol once, with all of its recipients that use that protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from chateau.hub.events import DirectMessage, Event, RoomEvent, RoomState
    from chateau.hub.ports import EventSink
    from chateau.hub.registry import Registry
    from chateau.hub.room import Room
    from chateau.hub.session import Session


class Delivery:
    """Delivers events to the members of a room, to users, to sessions or to everybody."""

    def __init__(self, *, registry: Registry, sessions: Mapping[str, Session]) -> None:
        self._registry = registry
        self._sessions = sessions

    def deliver_to_room(self, room: Room, event: RoomEvent) -> None:
        """Deliver *event* to the members and listeners of *room*."""
        for protocol, sessions in room.subscribers.items():
            protocol.deliver(event, sessions)

    def deliver_to_users(self, usernames: Sequence[str], event: DirectMessage | RoomState) -> None:
        """Deliver *event* to the sessions that have *usernames*, given once each and as registered."""
        _deliver(event, self._registry.present(usernames))

    def deliver_to_sessions(self, ids: Iterable[str], event: Event) -> None:
        """Deliver *event* to the sessions *ids*; ignore sessions that have ended."""
        found = map(self._sessions.get, ids)
        _deliver(event, [session for session in found if session is not None])

    def deliver_to_all(self, event: Event) -> None:
        """Deliver *event* to every session."""
        _deliver(event, self._sessions.values())


def _deliver(event: Event, sessions: Collection[Session]) -> None:
    if len(sessions) == 1:  # most direct messages
        for session in sessions:
            session.protocol.deliver(event, sessions)
        return
    groups: dict[EventSink, list[Session]] = {}
    for session in sessions:
        groups.setdefault(session.protocol, []).append(session)
    for protocol, group in groups.items():
        protocol.deliver(event, group)
