"""The channels protocol: packages come in by HTTP and go out over WebSockets.

A subscriber listens to one channel, which is a room, and says nothing; a publisher need not be
connected, nor be a member. HTTP itself is :mod:`chateau.net.publish_handler`'s matter, what may be published
:mod:`chateau.protocols.packages`'. What the frames hold is told in docs/protocols/channels.md.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chateau.hub.access import matches
from chateau.hub.errors import AccessDenied, Banned, HubError
from chateau.hub.events import (
    DirectMessage,
    Event,
    Joined,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)
from chateau.protocols.commits import joined_commit
from chateau.protocols.errors import TooLarge
from chateau.protocols.json_text import encode
from chateau.protocols.packages import channels_of, check_payload, package_kind, read_bulk
from chateau.protocols.transport import NORMAL_CLOSURE, POLICY_VIOLATION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chateau.hub.hub import Hub, PublicationReceipt
    from chateau.hub.ports import Commit, EventSink
    from chateau.hub.session import Session
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.transport import Broadcast, Outbox

Frame = dict[str, Any]

KEY_LENGTH = 200
"""Characters of an idempotency key at most."""

_outbox = attrgetter("outbox")


class InvalidKey(HubError):
    code = "invalid_message"

    def __init__(self) -> None:
        super().__init__(f"An idempotency key has 1 to {KEY_LENGTH} characters.")


class BulkReceipt(NamedTuple):
    """Packages that were handed to *delivered* sessions of this node in all; *commit* is for all of them."""

    delivered: int
    commit: Commit | None


def channel_name(raw: str) -> str:
    """The room that is meant by the channel's name *raw*."""
    return raw.strip().lower().replace("_", ":")


class ChannelsProtocol:
    """The protocol, once a server: it opens a peer for each subscriber, and takes what publishers send."""

    name: Final = "channels"

    def __init__(
        self,
        hub: Hub,
        schemas: SchemaSet,
        *,
        broadcast: Broadcast,
        broadcast_binary: Broadcast,
        password: str | None = None,
        max_frame: int = 1_048_576,
    ) -> None:
        """*password* is what publishers have to know; *max_frame*, in bytes, what one of them may send."""
        self._hub = hub
        self._contract = schemas
        self._broadcast = broadcast
        self._broadcast_binary = broadcast_binary
        self._password = password
        self.max_frame = max_frame

    # Subscribers

    def check_subscription(self, name: str, address: str) -> None:
        """Refuse who may not subscribe to the channel *name*, before there is a connection for it.

        Raises:
            Banned, InvalidName, AccessDenied.
        """
        if self._hub.access.is_banned(address):
            raise Banned
        self._hub.check_channel(channel_name(name))

    def endpoint(self, name: str) -> ChannelDoor:
        """Where the subscribers of the channel *name* come in."""
        return ChannelDoor(self._hub, self, name)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*."""
        outboxes = map(_outbox, sessions)
        if event.__class__ is Publication:
            send = self._broadcast_binary if event.kind == "bytes" else self._broadcast
            send(event.payload, outboxes)
            return
        frame = frame_of(event)
        if frame is not None:
            self._broadcast(encode(frame), outboxes)

    # Publishers

    def publish(
        self,
        name: str,
        kind: str | None,
        payload: bytes,
        *,
        address: str,
        password: str | None = None,
        key: str | None = None,
    ) -> PublicationReceipt:
        """Hand *payload* to everyone in the channel *name*, now.

        *kind* is as written in ``Publication-Type``.

        Raises:
            Banned, AccessDenied, TooLarge, UnknownType, InvalidKey, InvalidText, InvalidJson, InvalidName.
            Unavailable: it cannot be kept now.
        """
        self._admit(len(payload), address, password, key)
        checked = package_kind(kind)
        check_payload(checked, payload)
        return self._hub.publish_to_channel(channel_name(name), checked, payload, key=key)

    def broadcast_all(
        self, body: bytes, *, address: str, password: str | None = None, key: str | None = None
    ) -> BulkReceipt:
        """Hand all packages in *body* to their channels, now, in the order in which they stand there.

        Nothing goes out before all of it is checked. The idempotency *key* counts for each package by its
        place, so that a repeated body goes on where the first one could not be kept.

        Raises:
            Banned, AccessDenied, TooLarge, InvalidKey, InvalidJson, NotAnObject, InvalidMessage, InvalidName.
            Unavailable: one cannot be kept now; those before it have gone out.
        """
        self._admit(len(body), address, password, key)
        parcels = read_bulk(body, self._contract)
        for name in channels_of(body):
            self._hub.check_channel(channel_name(name))
        receipts = [
            self._hub.publish_to_channel(
                channel_name(channel), kind, payload, key=None if key is None else f"{key}\n{place}"
            )
            for place, (channel, kind, payload) in enumerate(parcels)
        ]
        delivered = sum(receipt.delivered for receipt in receipts)
        return BulkReceipt(delivered, joined_commit([receipt.commit for receipt in receipts]))

    def _admit(self, size: int, address: str, password: str | None, key: str | None) -> None:
        if self._hub.access.is_banned(address):
            raise Banned
        if self._password is not None and not matches(password, self._password):
            raise AccessDenied("The publishing password is missing or wrong.")
        if size > self.max_frame:
            raise TooLarge(f"A body may have {self.max_frame} bytes.")
        if key is not None and not 0 < len(key) <= KEY_LENGTH:
            raise InvalidKey


class ChannelDoor:
    """One channel's."""

    def __init__(self, hub: Hub, protocol: EventSink, name: str) -> None:
        self._hub = hub
        self._subscriber = protocol
        self._name = name

    def open(self, outbox: Outbox, address: str, port: int) -> Listener:
        """A client at *address* and *port* has connected; who may not subscribe is sent away with 1008."""
        session = listening(self._hub, self._subscriber, self._name, outbox, address, port)
        return Listener(self._hub, session)


class Listener:
    """One subscriber. It says nothing that counts, but for ``close``."""

    __slots__ = ("_hub", "session")

    def __init__(self, hub: Hub, session: Session) -> None:
        self._hub = hub
        self.session = session

    def on_text(self, text: str) -> None:
        """Close where that is asked for."""
        if text == "close":
            self.session.outbox.disconnect(NORMAL_CLOSURE, "")

    def on_binary(self, payload: bytes) -> None:
        """Nothing is listened to."""

    def on_close(self) -> None:
        """End the session."""
        self._hub.disconnect(self.session)


def listening(hub: Hub, protocol: EventSink, name: str, outbox: Outbox, address: str, port: int) -> Session:
    """A new session that hears the channel *name*; one that may not is over, and sent away with 1008."""
    session = hub.connect(protocol, outbox=outbox, address=address, port=port)
    try:
        if session.banned:
            raise Banned
        hub.listen(session, channel_name(name))
    except HubError as error:
        hub.disconnect(session)
        outbox.disconnect(POLICY_VIOLATION, error.code)
    return session


def frame_of(event: Event) -> Frame | None:
    """What a subscriber is told of *event*, which is no package; None where it is told nothing."""
    return FRAMES[event.__class__](event)


def _of_message(event: RoomMessage) -> Frame:
    return {
        "room": event.room,
        "sender": event.sender,
        "content": event.content,
        "seq": event.seq,
        "id": event.id,
        "time": event.time,
    }


def _of_joined(event: Joined) -> Frame:
    return {"room": event.room, "event": "joined", "username": event.username}


def _of_left(event: Left) -> Frame:
    return {"room": event.room, "event": "left", "username": event.username}


def _of_count(event: MemberCount) -> Frame:
    return {"room": event.room, "event": "members", "count": event.count}


def _of_state(event: RoomState) -> Frame:
    return {"room": event.room, "event": "state", "available": event.available, "reason": event.reason}


def _of_shutdown(event: Shutdown) -> Frame:
    return {"event": "shutdown", "reason": event.reason}


def _of_tapped(event: TapChanged) -> Frame:
    return {"event": "tapped", "active": event.active}


FRAMES: dict[type, Callable[[Any], Frame | None]] = {
    DirectMessage: lambda _: None,  # a listener is nobody's recipient
    RoomMessage: _of_message,
    Joined: _of_joined,
    Left: _of_left,
    MemberCount: _of_count,
    RoomState: _of_state,
    Shutdown: _of_shutdown,
    TapChanged: _of_tapped,
}
