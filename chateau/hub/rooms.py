"""Rooms: which there are, and what changes in one when its keepers say so.

A room is there while somebody is inside, something is kept of it, or somebody's decision about it
stands. Who comes in and what is said is :mod:`chateau.hub.hub`'s matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import NotInRoom, UnknownRoom
from chateau.hub.events import RoomState
from chateau.hub.registry import USERNAME_LIMIT, validate_name
from chateau.hub.room import ROOM_NAME_LIMIT, Room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chateau.hub.events import Event
    from chateau.hub.ports import MessageIdGenerator, NormalizeName, Store
    from chateau.hub.registry import Registry
    from chateau.hub.session import Session


BANNED = "You were banned from the room."
"""Why a room is not available to the one who is told so."""


class Rooms:
    """The house's rooms, by the form of their names, and the keepers' use cases."""

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        normalize_name: NormalizeName,
        next_id: MessageIdGenerator,
        announce: Callable[[Event], None],
        leave: Callable[[Session, Room], None],
    ) -> None:
        """*leave* takes a session out of a room, and tells of it."""
        self._store = store
        self._registry = registry
        self._form = normalize_name
        self._next_id = next_id
        self._announce = announce
        self._leave = leave
        self._rooms: dict[str, Room] = {}
        for key, name in store.rooms():
            self.add(self._made(key, name))

    # Which there are

    @property
    def by_key(self) -> Mapping[str, Room]:
        """All rooms, by the form of their names."""
        return self._rooms

    def find(self, name: str) -> Room:
        """The room *name*.

        Raises:
            UnknownRoom.
        """
        try:
            return self._rooms[self._form(name)]
        except (KeyError, ValueError) as exc:
            raise UnknownRoom(name) from exc

    def find_joined(self, session: Session, name: str) -> Room:
        """The room *name*, which *session* is in.

        Raises:
            UnknownRoom, NotInRoom.
        """
        room = self.find(name)
        if session.rooms is None or room.key not in session.rooms:
            raise NotInRoom(room.name)
        return room

    def find_or_create(self, name: str) -> Room:
        """The room *name*; where there is none, one that is not there until it is added.

        Raises:
            InvalidName: *name* is no room's name.
        """
        key = validate_name(name, self._form, limit=ROOM_NAME_LIMIT)
        return self._rooms.get(key) or self._made(key, name)

    def add(self, room: Room) -> None:
        """Let *room* be there; once more does nothing."""
        self._rooms[room.key] = room

    def remove_if_empty(self, room: Room) -> None:
        """Let *room* be gone if nothing keeps it."""
        if room.is_empty and not self._store.holds(room.key):
            self._rooms.pop(room.key, None)

    def _made(self, key: str, name: str) -> Room:
        id_, time = self._next_id()
        return Room(key=key, name=name, id=id_, created_at=time)

    # What its keepers say

    def close(self, name: str) -> None:
        """Let nobody into the room *name* and nobody speak in it. Its members stay.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.closed = True
        self._tell_state(room, "The room was closed.")

    def lock(self, name: str, password: str) -> None:
        """Let only those who know *password* into the room *name*. Its members stay.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.password = password
        self._tell_state(room, "The room was locked.")

    def unlock(self, name: str) -> None:
        """Ask for no password any more at the room *name*.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.password = None
        self._tell_state(room, "The room is closed." if room.closed else None)
        self.remove_if_empty(room)

    def open(self, name: str) -> None:
        """Let everybody into the room *name* again, and speak in it: it is neither closed nor locked.

        Raises:
            UnknownRoom.
        """
        room = self.find(name)
        room.closed = False
        room.password = None
        self._tell_state(room, None)
        self.remove_if_empty(room)

    def delete(self, name: str) -> None:
        """Send everyone out of the room *name* and forget what was said in it.

        Raises:
            UnknownRoom.
            Unavailable: what was said cannot be forgotten now. Nothing is done.
        """
        room = self.find(name)
        self._store.erase(room.key)
        self._announce(RoomState(room.name, available=False, reason="The room was deleted."))
        for group in list(room.subscribers.values()):
            for session in list(group):
                room.remove(session)
                assert session.rooms is not None
                del session.rooms[room.key]
        del self._rooms[room.key]

    def ban(self, name: str, username: str) -> str:
        """Send *username* out of the room *name*, and let that name in no more. Returns it as registered.

        Raises:
            UnknownRoom, UnknownRecipient.
        """
        room = self.find(name)
        (shown,) = self._registry.recipients([username])
        if room.banned is None:
            room.banned = set()
        for session in list(self._registry.holders(shown)):
            room.banned.add(session.sort_key)
            if session.rooms is not None and room.key in session.rooms:
                self._leave(session, room)
        self._announce(RoomState(room.name, available=False, reason=BANNED, username=shown))
        return shown

    def unban(self, name: str, username: str) -> None:
        """Let *username* into the room *name* again; the name need not be banned.

        Raises:
            UnknownRoom, InvalidName.
        """
        room = self.find(name)
        form = validate_name(username, self._form, limit=USERNAME_LIMIT)
        if room.banned is not None:
            room.banned.discard(form)
        self.remove_if_empty(room)

    def _tell_state(self, room: Room, reason: str | None) -> None:
        self._announce(RoomState(room.name, available=room.available, reason=reason))
