"""The channels protocol: publications arrive by HTTP and are delivered over WebSockets.

A subscriber listens to one channel, which is a room, and sends nothing; a publisher need not be connected or
be a member. HTTP is in chateau.net; the payloads are checked by :mod:`chateau.protocols.publications`. The
frames are described in docs/protocols/channels.md.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chateau.hub.errors import AccessDenied, Banned, HubError, InvalidName
from chateau.hub.events import (
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
from chateau.hub.room import ROOM_NAME_LIMIT
from chateau.protocols import costs
from chateau.protocols.errors import TooLarge
from chateau.protocols.json_text import encode
from chateau.protocols.publications import channels_of, check_payload, publication_kind, read_bulk
from chateau.protocols.spec import EndpointSpec, ProtocolSpec
from chateau.protocols.transport import NORMAL_CLOSURE, POLICY_VIOLATION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from chateau.hub.guesses import Guesses
    from chateau.hub.hub import Hub, PublicationReceipt
    from chateau.hub.ports import Commit, EventSink
    from chateau.hub.session import Session
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Outbox, Steps

Frame = dict[str, Any]

KEY_LENGTH = 200
"""Maximum length of an idempotency key."""

_outbox = attrgetter("outbox")


class InvalidKey(HubError):
    code = "invalid_message"

    def __init__(self) -> None:
        super().__init__(f"An idempotency key has 1 to {KEY_LENGTH} characters.")


class BulkReceipt(NamedTuple):
    """The publications were delivered to *delivered* sessions in total; *commit* is for all of them."""

    delivered: int
    commit: Commit | None


def _free(_tokens: float) -> None:
    """Charge nothing."""


def channel_name(raw: str) -> str:
    """Return the name of the room of the channel *raw*.

    Raises:
        InvalidName: it is too long. That is checked first, because a bulk may have names of any length.
    """
    stripped = raw.strip()
    if len(stripped) > ROOM_NAME_LIMIT:
        raise InvalidName(stripped, f"it is longer than {ROOM_NAME_LIMIT} characters")
    return stripped.lower().replace("_", ":")


class ChannelsProtocol:
    """The channels protocol of one server: it opens a peer for each subscriber, and accepts publications."""

    name: Final = "channels"

    def __init__(self, context: ProtocolContext) -> None:
        self.max_frame = context.max_frame
        self._hub = context.hub
        self._schemas = context.schemas
        self._broadcast = context.broadcast
        self._broadcast_binary = context.broadcast_binary
        self._password = context.publish_password
        self.has_password = context.publish_password is not None

    @property
    def guesses(self) -> Guesses:
        """The attempts at the secrets of this server."""
        return self._hub.access.guesses

    # Subscribers

    def check_subscription(self, name: str, address: str) -> None:
        """Check whether a client may subscribe to the channel *name*, before it is connected.

        Raises:
            Banned, InvalidName, AccessDenied.
        """
        if self._hub.access.is_banned(address):
            raise Banned
        self._hub.check_channel(channel_name(name))

    def endpoint(self, name: str) -> ChannelEndpoint:
        """Return the endpoint for subscribers of the channel *name*."""
        return ChannelEndpoint(self._hub, self, name)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*."""
        outboxes = map(_outbox, sessions)
        if event.__class__ is Publication:
            send = self._broadcast_binary if event.kind == "bytes" else self._broadcast
            send(event.payload, outboxes)
            return
        frame = push_frame(event)
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
        client: object,
        password: str | None = None,
        key: str | None = None,
    ) -> PublicationReceipt:
        """Deliver *payload* of *client* at *address* to everyone in the channel *name*.

        *kind* is the value of the header ``Package-Type``.

        Raises:
            MustWait, TooManyTries: too many wrong passwords came from the address.
            Banned, AccessDenied, TooLarge, UnknownType, InvalidKey, InvalidText, InvalidJson, InvalidName.
            Unavailable: it cannot be stored.
        """
        self._admit(len(payload), address, client, password, key)
        checked = publication_kind(kind)
        check_payload(checked, payload)
        return self._hub.publish_to_channel(channel_name(name), checked, payload, key=key)

    def broadcast_all(
        self,
        body: bytes,
        *,
        address: str,
        client: object,
        password: str | None = None,
        key: str | None = None,
        charge: Callable[[float], object] = _free,
    ) -> BulkReceipt:
        """Deliver all publications in *body* to their channels, in their order in it; *charge* the publisher.

        Nothing is delivered before all of it is checked. The idempotency *key* applies to each publication by
        its position, so that a repeated body continues where the first one could not be stored.

        Raises:
            MustWait, TooManyTries: as for :meth:`publish`.
            Banned, AccessDenied, TooLarge, InvalidKey, InvalidJson, NotAnObject, InvalidMessage, InvalidName.
            Unavailable: one cannot be stored; those before it were delivered.
        """
        self._admit(len(body), address, client, password, key)
        publications = read_bulk(body, self._schemas)
        channels = channels_of(body)
        charge(costs.broadcast(len(channels), len(publications)))
        for name in channels:
            self._hub.check_channel(channel_name(name))
        receipts = [
            self._hub.publish_to_channel(
                channel_name(channel), kind, payload, key=None if key is None else f"{key}\n{place}"
            )
            for place, (channel, kind, payload) in enumerate(publications)
        ]
        delivered = sum(receipt.delivered for receipt in receipts)
        return BulkReceipt(delivered, joined_commit([receipt.commit for receipt in receipts]))

    def _admit(self, size: int, address: str, client: object, password: str | None, key: str | None) -> None:
        if self._hub.access.is_banned(address):
            raise Banned
        if self._password is not None and not self._is_right(password, address, client):
            raise AccessDenied("The publishing password is missing or wrong.")
        if size > self.max_frame:
            raise TooLarge(f"A body may have {self.max_frame} bytes.")
        if key is not None and not 0 < len(key) <= KEY_LENGTH:
            raise InvalidKey

    def _is_right(self, password: str | None, address: str, client: object) -> bool:
        """Compare the publishing password. A missing one is no attempt."""
        return password is not None and self.guesses.is_right(
            password, self._password, client=client, address=address
        )


class AllOf:
    """The commit that is done when all *commits*, at least one, are done. It fails if one of them fails."""

    __slots__ = ("_commits",)

    def __init__(self, commits: Sequence[Commit]) -> None:
        self._commits = commits

    def done(self) -> bool:
        """Return whether all are done."""
        return all(commit.done() for commit in self._commits)

    def exception(self) -> BaseException | None:
        """Return the failure of the first one that failed, or None if all succeeded."""
        failures = (commit.exception() for commit in self._commits)
        return next((failure for failure in failures if failure is not None), None)

    def add_done_callback(self, callback: Callable[..., object], /) -> None:
        """Call *callback* with this commit when it is done, never from inside this call."""
        undone = len(self._commits)

        def on_one(_commit: Commit) -> None:
            nonlocal undone
            undone -= 1
            if not undone:
                callback(self)

        for commit in self._commits:
            commit.add_done_callback(on_one)


def joined_commit(commits: Sequence[Commit | None]) -> Commit | None:
    """Return a commit for all of *commits*, or None if there is nothing to wait for."""
    waiting = [commit for commit in commits if commit is not None]
    return AllOf(waiting) if waiting else None


class ChannelEndpoint:
    """The endpoint of one channel."""

    def __init__(self, hub: Hub, protocol: EventSink, name: str) -> None:
        self._hub = hub
        self._subscriber = protocol
        self._name = name

    def open(self, outbox: Outbox, address: str, port: int) -> Listener:
        """Open a peer for a client; one that may not subscribe is disconnected with 1008."""
        session = listening(self._hub, self._subscriber, self._name, outbox, address, port)
        return Listener(self._hub, session)


class Listener:
    """One subscriber. Everything that it sends is ignored, except for ``close``."""

    __slots__ = ("_hub", "session")

    def __init__(self, hub: Hub, session: Session) -> None:
        self._hub = hub
        self.session = session

    def on_open(self) -> Steps | None:
        """Wait for publications."""
        return None

    def on_excess(self, message: str | bytes) -> None:
        """Ignore *message*."""

    def on_text(self, text: str) -> None:
        """Close the connection if *text* is ``close``."""
        if text == "close":
            self.session.outbox.disconnect(NORMAL_CLOSURE, "")

    def on_binary(self, payload: bytes) -> None:
        """Ignore *payload*."""

    def on_close(self) -> None:
        """End the session."""
        self._hub.disconnect(self.session)


def listening(hub: Hub, protocol: EventSink, name: str, outbox: Outbox, address: str, port: int) -> Session:
    """Return a new session that listens to the channel *name*; if it may not, it is closed with 1008."""
    session = hub.connect(protocol, outbox=outbox, address=address, port=port)
    try:
        if session.banned:
            raise Banned
        hub.listen(session, channel_name(name))
    except HubError as error:
        hub.disconnect(session)
        outbox.disconnect(POLICY_VIOLATION, error.code)
    return session


def push_frame(event: Event) -> Frame | None:
    """Return the push of *event*, which is not a publication; None if subscribers do not get it."""
    push = PUSHES.get(event.__class__)
    return None if push is None else push(event)


def _push_message(event: RoomMessage) -> Frame:
    return {
        "room": event.room,
        "sender": event.sender,
        "content": event.content,
        "seq": event.seq,
        "id": event.id,
        "time": event.time,
    }


def _push_joined(event: Joined) -> Frame:
    return {"room": event.room, "event": "joined", "username": event.username}


def _push_left(event: Left) -> Frame:
    return {"room": event.room, "event": "left", "username": event.username}


def _push_count(event: MemberCount) -> Frame:
    return {"room": event.room, "event": "members", "count": event.count}


def _push_state(event: RoomState) -> Frame:
    return {"room": event.room, "event": "state", "available": event.available, "reason": event.reason}


def _push_shutdown(event: Shutdown) -> Frame:
    return {"event": "shutdown", "reason": event.reason}


def _push_tapped(event: TapChanged) -> Frame:
    return {"event": "tapped", "active": event.active}


PUSHES: dict[type, Callable[[Any], Frame]] = {
    RoomMessage: _push_message,
    Joined: _push_joined,
    Left: _push_left,
    MemberCount: _push_count,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
    TapChanged: _push_tapped,
}


SPEC = ProtocolSpec(
    name="channels",
    title="The channels protocol",
    about="Publish by HTTP; subscribe by WebSocket or server-sent events.",
    lead=(
        "HTTP in, WebSocket out: a program publishes to a channel by HTTP, and every subscriber of the "
        "channel receives the publication, over a WebSocket or as server-sent events. A channel is a room: "
        "its subscribers receive what members of the room write, too."
    ),
    endpoints=(
        EndpointSpec(
            name="channel",
            address="/channel/{name}/",
            title="A channel, to subscribe to",
            description="Publications as they were sent, and text frames about the room. The final slash "
            "is optional.",
            kinds=("push",),
            unwritten=("package-push", "close-request"),
        ),
        EndpointSpec(
            name="publish",
            address="/channel/{name}/",
            title="A channel, to publish to",
            description="POST one publication. Headers and passwords are described in openapi.json.",
            transport="http",
            kinds=("response",),
            unwritten=("package-request",),
        ),
        EndpointSpec(
            name="broadcast",
            address="/broadcast/",
            title="Many channels, to publish to",
            description="POST publications for many channels. Headers and passwords are described in "
            "openapi.json.",
            transport="http",
            kinds=("request", "response"),
        ),
    ),
    requests=("broadcast-request",),
    make=ChannelsProtocol,
    page="channels",
)
