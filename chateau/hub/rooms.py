"""Rooms: lookup, membership and moderation (close, lock, delete a room; ban a user from it).

A room exists while it has members or listeners, stored records, or a moderation state. The use cases of
its members (join, publish, ...) are in :mod:`chateau.hub.hub`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import NotInRoom, UnknownRoom
from chateau.hub.events import RoomState
from chateau.hub.lookalikes import Lookalikes
from chateau.hub.registry import USERNAME_LIMIT, validate_name
from chateau.hub.room import ROOM_NAME_LIMIT, Room

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chateau.hub.delivery import Delivery
    from chateau.hub.ports import LookOf, MessageIdGenerator, NormalizeName, Store
    from chateau.hub.presence import Presence
    from chateau.hub.registry import Registry
    from chateau.hub.session import Session


BANNED = "You were banned from the room."
"""The reason in the room state that a banned user receives."""


class Rooms:
    """All rooms by their normalized names, and the use cases of moderators."""

    def __init__(
        self,
        *,
        rooms: dict[str, Room],
        store: Store,
        registry: Registry,
        delivery: Delivery,
        presence: Presence,
        normalize_name: NormalizeName,
        look_of: LookOf,
        next_id: MessageIdGenerator,
        reserved: Iterable[str] = (),
    ) -> None:
        """Add the rooms in *store* to *rooms*. The *reserved* names cannot be used, nor joined if stored."""
        self._rooms = rooms
        self._store = store
        self._registry = registry
        self._delivery = delivery
        self._presence = presence
        self._normalize_name = normalize_name
        self._lookalikes = Lookalikes(
            normalize_name=normalize_name, look_of=look_of, reserved=tuple(reserved)
        )
        self._next_id = next_id
        for key, name in store.rooms():
            self.add(self._create(key, name))

    # Lookup

    @property
    def by_key(self) -> Mapping[str, Room]:
        """All rooms by their normalized names."""
        return self._rooms

    def find(self, name: str) -> Room:
        """Return the room *name*. A long name is unknown at once.

        Raises:
            UnknownRoom.
        """
        if len(name) > ROOM_NAME_LIMIT:
            raise UnknownRoom(name)
        try:
            return self._rooms[self._normalize_name(name)]
        except (KeyError, ValueError) as exc:
            raise UnknownRoom(name) from exc

    def find_joined(self, session: Session, name: str) -> Room:
        """Return the room *name*, which *session* has joined.

        Raises:
            UnknownRoom, NotInRoom.
        """
        room = self.find(name)
        if session.rooms is None or room.key not in session.rooms:
            raise NotInRoom(room.name)
        return room

    def find_or_create(self, name: str) -> Room:
        """Return the room *name*, or a new one, which does not exist for others until it is added.

        Raises:
            InvalidName: *name* cannot be the name of a room.
        """
        key = validate_name(name, self._normalize_name, limit=ROOM_NAME_LIMIT)
        room = self._rooms.get(key)
        if room is None:
            self._lookalikes.check(name, key)
            return self._create(key, name)
        self._lookalikes.check_reserved(name, key)
        return room

    def add(self, room: Room) -> None:
        """Make *room* exist. Idempotent."""
        if room.key not in self._rooms:
            self._rooms[room.key] = room
            self._lookalikes.add(room.name, room.key)

    def remove_if_empty(self, room: Room) -> None:
        """Remove *room* unless it has subscribers, a moderation state or stored records."""
        if room.is_empty and not self._store.holds(room.key):
            self._remove(room)

    def _remove(self, room: Room) -> None:
        del self._rooms[room.key]
        self._lookalikes.remove(room.name, room.key)

    def _create(self, key: str, name: str) -> Room:
        id_, time = self._next_id()
        return Room(key=key, name=name, id=id_, created_at=time)

    # Membership

    def enter(self, room: Room, session: Session) -> None:
        """Add *session* to *room* as a member or, if it is a listener, as a listener."""
        self.add(room)
        room.add(session)
        if session.rooms is None:
            session.rooms = {}
        session.rooms[room.key] = room

    def leave(self, room: Room, session: Session) -> None:
        """Remove *session* from *room* and report it to the members."""
        _detach(room, session)
        if not session.is_listener:
            self._presence.left(room, session)
        self.remove_if_empty(room)

    def leave_all(self, session: Session) -> None:
        """Remove *session* from every room that it is in."""
        for room in list((session.rooms or {}).values()):
            self.leave(room, session)

    # Moderation

    def close(self, name: str) -> None:
        """Reject new members and messages in the room *name*. Its members stay.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.closed = True
        self._report_state(room, "The room was closed.")

    def lock(self, name: str, password: str) -> None:
        """Require *password* from new members of the room *name*. Its members stay.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.password = password
        self._report_state(room, "The room was locked.")

    def unlock(self, name: str) -> None:
        """Require no password for the room *name* any more.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.password = None
        self._report_state(room, "The room is closed." if room.closed else None)
        self.remove_if_empty(room)

    def open(self, name: str) -> None:
        """Undo :meth:`close` and :meth:`lock` for the room *name*.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.closed = False
        room.password = None
        self._report_state(room, None)
        self.remove_if_empty(room)

    def delete(self, name: str) -> None:
        """Remove the room *name* with its members and its history.

        Raises:
            UnknownRoom.
            Unavailable: the history cannot be erased now. Nothing is changed.
        """
        room = self.find(name)
        self._store.erase(room.key)
        state = RoomState(room.name, available=False, reason="The room was deleted.")
        self._delivery.deliver_to_room(room, state)
        for sessions in list(room.subscribers.values()):
            for session in list(sessions):
                _detach(room, session)
        self._remove(room)

    def ban(self, name: str, username: str) -> str:
        """Remove *username* from the room *name* and reject that name there. Return it as registered.

        Raises:
            UnknownRoom, UnknownRecipient.
        """
        room = self.find(name)
        (shown,) = self._registry.recipients([username])
        if room.banned is None:
            room.banned = set()
        session = self._registry.find(shown)
        assert session is not None, "it is a recipient"
        room.banned.add(session.sort_key)
        if session.rooms is not None and room.key in session.rooms:
            self.leave(room, session)
        state = RoomState(room.name, available=False, reason=BANNED, username=shown)
        self._delivery.deliver_to_users((shown,), state)
        return shown

    def unban(self, name: str, username: str) -> None:
        """Admit *username* to the room *name* again. Idempotent.

        Raises:
            UnknownRoom, InvalidName.
        """
        room = self.find(name)
        key = validate_name(username, self._normalize_name, limit=USERNAME_LIMIT)
        if room.banned is not None:
            room.banned.discard(key)
        self.remove_if_empty(room)

    def _report_state(self, room: Room, reason: str | None) -> None:
        state = RoomState(room.name, available=room.available, reason=reason)
        self._delivery.deliver_to_room(room, state)


def _detach(room: Room, session: Session) -> None:
    room.remove(session)
    assert session.rooms is not None
    del session.rooms[room.key]
