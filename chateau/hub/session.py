"""Session: the state of one client on the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chateau.hub.access import PrivacyRules
    from chateau.hub.ports import EventSink
    from chateau.hub.room import Room


@dataclass(slots=True, weakref_slot=True, eq=False, kw_only=True, repr=False)
class Session:
    """One client, from :meth:`Hub.connect` to :meth:`Hub.disconnect`.

    Only the hub changes it, except for ``custom``. Only the protocol uses ``outbox``.
    """

    id: str
    address: str
    port: int
    protocol: EventSink
    outbox: Any
    banned: bool = False
    is_listener: bool = False  # receives the events of a room, but cannot send or be a recipient
    privacy_rules: PrivacyRules | None = None  # None: every client can reach it
    custom: dict[str, Any] | None = None  # JSON values by name, chosen by the user
    username: str | None = None
    key: str | None = None  # the normalized username
    nick: str | None = None  # the nick, which is also its username if no other session holds that
    nick_key: str | None = None  # the normalized nick
    name: str = field(init=False)  # as shown to others: the username, or "#" and the id
    rooms: dict[str, Room] | None = None  # by normalized name; created at the first join

    def __post_init__(self) -> None:
        self.name = f"#{self.id}"

    @property
    def sort_key(self) -> str:
        """The key by which lists of sessions are sorted."""
        return self.key if self.key is not None else self.name

    @property
    def room(self) -> Room | None:
        """The room that it has joined, for protocols that have one room at a time."""
        return next(iter(self.rooms.values()), None) if self.rooms else None

    def __repr__(self) -> str:
        return f"<Session {self.id} {self.name} {self.address}>"
