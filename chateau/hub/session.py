"""Session: one connection as the house sees it.

It knows the name that its user took and the rooms that it is in; what it is spoken to through, its
``outbox``, is its protocol's and means nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chateau.hub.access import PrivacyRules
    from chateau.hub.ports import EventSink
    from chateau.hub.room import Room


class Session:
    """One connection, from :meth:`Hub.connect` to :meth:`Hub.disconnect`. Only the hub changes it.

    ``custom`` alone is not the hub's: what a user says about itself, JSON values by name.
    """

    __slots__ = (
        "address",
        "banned",
        "custom",
        "id",
        "is_listener",
        "key",
        "name",
        "outbox",
        "port",
        "privacy_rules",
        "protocol",
        "rooms",
        "username",
    )

    def __init__(
        self,
        *,
        id: str,  # noqa: A002
        address: str,
        port: int,
        protocol: EventSink,
        outbox: Any,
    ) -> None:
        self.id = id
        self.address = address
        self.port = port
        self.protocol = protocol
        self.outbox = outbox
        self.banned = False
        self.is_listener = False  # it hears a room, says nothing and is nobody's recipient
        self.privacy_rules: PrivacyRules | None = None  # whom it lets reach it; None is everybody
        self.custom: dict[str, Any] | None = None
        self.username: str | None = None
        self.name = f"#{id}"  # what others see: the username, or this where there is none
        self.key: str | None = None  # the form of its username
        self.rooms: dict[str, Room] | None = None  # by the form of the room's name; made at the first join

    @property
    def sort_key(self) -> str:
        """What lists of sessions are sorted by."""
        return self.key if self.key is not None else self.name

    @property
    def room(self) -> Room | None:
        """The room that it is in, for protocols that know one room at a time."""
        return next(iter(self.rooms.values()), None) if self.rooms else None

    def __repr__(self) -> str:
        return f"<Session {self.id} {self.name} {self.address}>"
