"""Delivery: who gets an event, and handing it to them in order.

Everything that is announced comes through here, whichever node announced it; there is no other way to
a session. Within one turn, events reach a session in the order in which they were announced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.events import DirectMessage, RoomState, Shutdown, TapChanged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chateau.hub.events import Event
    from chateau.hub.ports import EventSink, NormalizeName
    from chateau.hub.registry import Registry
    from chateau.hub.room import Room
    from chateau.hub.session import Session


class Delivery:
    """Hands events to the sessions of this node."""

    def __init__(
        self,
        *,
        registry: Registry,
        rooms: Mapping[str, Room],
        sessions: Mapping[str, Session],
        normalize_name: NormalizeName,
    ) -> None:
        self._registry = registry
        self._rooms = rooms
        self._sessions = sessions
        self._form = normalize_name

    def deliver(self, event: Event) -> None:
        """Hand *event* to everyone on this node who is to hear of it."""
        if isinstance(event, DirectMessage):
            if event.recipient_ids is None:
                sessions = self._registry.present(event.recipients)
            else:
                sessions = self._open(event.recipient_ids)
            if len(sessions) == 1:  # most messages have one recipient
                for session in sessions:
                    session.protocol.deliver(event, sessions)
            else:
                hand(event, sessions)
        elif isinstance(event, Shutdown):
            hand(event, self._sessions.values())
        elif isinstance(event, TapChanged):
            hand(event, self._open((event.session_id,)))
        elif isinstance(event, RoomState) and event.username is not None:
            hand(event, self._registry.present((event.username,)))
        else:
            room = self._rooms.get(self._form(event.room))
            if room is not None:
                for protocol, group in room.subscribers.items():
                    protocol.deliver(event, group)

    def _open(self, ids: tuple[str, ...]) -> list[Session]:
        found = map(self._sessions.get, ids)
        return [session for session in found if session is not None]


def hand(event: Event, sessions: Collection[Session]) -> None:
    """Hand *event* to *sessions*, once a protocol."""
    groups: dict[EventSink, list[Session]] = {}
    for session in sessions:
        groups.setdefault(session.protocol, []).append(session)
    for protocol, group in groups.items():
        protocol.deliver(event, group)
