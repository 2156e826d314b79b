"""Event streams: the publications of a channel as server-sent events, with those that a client missed.

The ``id`` of an event is the seq of the message; a client that reconnects sends the last one that it has, and
first receives what was stored since, in steps, as fast as it reads. The format is that of the WHATWG HTML
standard, section 9.2.

Only packages of text and JSON are events without a type. A publisher cannot give an event a type, so nothing
that it sends looks like a member's message or like an event of the server.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from chateau.hub.errors import NotInRoom, Unavailable, UnknownRoom
from chateau.hub.events import Publication, RoomMessage, Shutdown
from chateau.protocols import costs
from chateau.protocols.channels import Listener, listening, push_frame
from chateau.protocols.json_text import encode
from chateau.protocols.transport import POLICY_VIOLATION, TRY_AGAIN_LATER

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from chateau.hub.events import Event, StoredRecord
    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.protocols.transport import Broadcast, Outbox, Steps

SLOW = "slow consumer"

KEPT_BYTES = 1_048_576
"""How much that is not stored may wait behind what a client missed."""

MEMBER = "member"
"""The type of the event for a message that a member of the room sent."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_SEQ = re.compile(r"[0-9]{1,16}")


class EventStreams:
    """The event streams of one server. Each payload that it sends is a whole event."""

    name: Final = "channels"

    def __init__(self, hub: Hub, *, broadcast: Broadcast, kept_bytes: int = KEPT_BYTES) -> None:
        self._hub = hub
        self._broadcast = broadcast
        self._kept_bytes = kept_bytes
        self._catching_up: dict[str, CatchUp] = {}  # by session id

    def endpoint(self, name: str, last_event_id: str | None = None) -> EventStreamEndpoint:
        """Return the endpoint for listeners of the channel *name* who have received *last_event_id*."""
        return EventStreamEndpoint(self, name, seq_of(last_event_id))

    def open(self, name: str, since: int | None, outbox: Outbox, address: str, port: int) -> StreamListener:
        """Open a stream of the channel *name*, with what was missed *since* a seq if one is given."""
        session = listening(self._hub, self, name, outbox, address, port)
        if since is not None and session.room is not None:
            self._catching_up[session.id] = CatchUp(session, session.room.name, since, self._kept_bytes)
        return StreamListener(self._hub, session, self)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*."""
        payload = encode_event(event)
        if payload is None:
            return
        if self._catching_up and not isinstance(event, Shutdown):  # after that nothing more is read
            seq = event.seq if isinstance(event, RoomMessage | Publication) else 0
            sessions = self._keep(payload, seq if self._hub.stores(event) else 0, sessions)
        self._broadcast(payload, [session.outbox for session in sessions])

    def _keep(self, payload: bytes, seq: int, sessions: Collection[Session]) -> list[Session]:
        """Keep an event for those who are catching up; return the others."""
        others = []
        for session in sessions:
            catch_up = self._catching_up.get(session.id)
            if catch_up is None:
                others.append(session)
            elif seq:
                catch_up.skip(seq)
            elif not catch_up.keep(payload):  # not during a delivery: the room may not change now
                catch_up.is_given_up = True
        return others

    def catch_up(self, session: Session) -> Steps | None:
        """Return the steps that send to *session* what it missed; None if there is nothing to send."""
        catch_up = self._catching_up.get(session.id)
        return None if catch_up is None else self._steps(catch_up)

    def _steps(self, catch_up: CatchUp) -> Steps:
        session = catch_up.session
        try:
            for page in self._hub.history_slices(
                session, catch_up.room, since=catch_up.since, limit=sys.maxsize
            ):
                if catch_up.is_given_up:
                    self._end(session, POLICY_VIOLATION, SLOW)
                    return
                catch_up.send(page.messages)
                if page.has_more:
                    yield
        except (UnknownRoom, NotInRoom):
            pass  # the room was deleted: an event about it waits
        except Unavailable as error:
            self._end(session, TRY_AGAIN_LATER, error.code)
            return
        catch_up.send_kept()
        self.forget(session)

    def forget(self, session: Session) -> None:
        """Push everything to *session* as it happens, from now on."""
        self._catching_up.pop(session.id, None)

    def _end(self, session: Session, code: int, reason: str) -> None:
        self._hub.disconnect(session)  # first, so that nothing is sent after the end
        self.forget(session)
        session.outbox.disconnect(code, reason)


class CatchUp:
    """What one client is sent before it receives everything as it happens.

    Stored events that happen meanwhile are left out when they are delivered: they will be read from the store
    like those before them. Events that are not stored wait, and are sent at their places between the others.
    """

    def __init__(self, session: Session, room: str, since: int, max_bytes: int) -> None:
        """*max_bytes*: how much may be held."""
        self.session = session
        self.room = room
        self.since = since
        self.is_given_up = False
        self._left_bytes = max_bytes
        self._kept: deque[tuple[int, list[bytes]]] = deque()  # with the seq of the stored event after them
        self._latest: list[bytes] = []  # after which nothing has been stored yet

    def skip(self, seq: int) -> None:
        """Note that a stored event with *seq* follows what waits so far."""
        if self._latest:
            self._kept.append((seq, self._latest))
            self._latest = []

    def keep(self, payload: bytes) -> bool:
        """Keep *payload*, an event that is not stored; return False if too much waits."""
        self._left_bytes -= len(payload)
        if self._left_bytes < 0:
            return False
        self._latest.append(payload)
        return True

    def send(self, records: Sequence[StoredRecord]) -> None:
        """Send *records*, the next ones of the store, with what waits between them."""
        outbox = self.session.outbox
        size = 0
        for record in records:
            self._send_kept_before(record.seq)
            payload = encode_event(record)
            assert payload is not None, "what is stored is sent"
            outbox.send(payload)
            size += len(payload)
        outbox.charge(costs.history(size))

    def send_kept(self) -> None:
        """Send everything that still waits."""
        self._send_kept_before(sys.maxsize)
        self._send_all(self._latest)

    def _send_kept_before(self, seq: int) -> None:
        while self._kept and self._kept[0][0] <= seq:
            self._send_all(self._kept.popleft()[1])

    def _send_all(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            self._left_bytes += len(payload)
            self.session.outbox.send(payload)


class StreamListener(Listener):
    """One client of an event stream."""

    __slots__ = ("_streams",)

    def __init__(self, hub: Hub, session: Session, streams: EventStreams) -> None:
        super().__init__(hub, session)
        self._streams = streams

    def on_open(self) -> Steps | None:
        """Send what the client missed."""
        return self._streams.catch_up(self.session)

    def on_close(self) -> None:
        """End the session."""
        self._streams.forget(self.session)
        super().on_close()


class EventStreamEndpoint:
    """The endpoint of one channel for one client, which has received the events up to a seq."""

    def __init__(self, streams: EventStreams, name: str, since: int | None) -> None:
        self._streams = streams
        self._name = name
        self._since = since

    def open(self, outbox: Outbox, address: str, port: int) -> StreamListener:
        """Open a stream for a client; one that may not listen is disconnected."""
        return self._streams.open(self._name, self._since, outbox, address, port)


def seq_of(last_event_id: str | None) -> int | None:
    """Return the seq in the header ``Last-Event-ID``, or None if it is missing or invalid."""
    if last_event_id is None or _SEQ.fullmatch(last_event_id) is None:
        return None
    return int(last_event_id)


def encode_event(event: Any) -> bytes | None:
    """Return *event*, live or stored, as a server-sent event; None if listeners do not get it."""
    match event:
        case Publication(kind="bytes"):
            return server_sent(b64encode(event.payload), kind="bytes", seq=event.seq)
        case Publication():
            return server_sent(event.payload, seq=event.seq)
        case RoomMessage():
            return server_sent(encode(push_frame(event)), kind=MEMBER, seq=event.seq)
    frame = push_frame(event)
    return None if frame is None else server_sent(encode(frame), kind=frame["event"])


def server_sent(content: bytes, *, kind: str | None = None, seq: int = 0) -> bytes:
    """Return an event of *kind* with *content*, and with an id if *seq* is not 0."""
    head = (f"id: {seq}\n" if seq else "") + (f"event: {kind}\n" if kind is not None else "")
    return b"%bdata: %b\n\n" % (head.encode(), _LINE_END.sub(b"\ndata: ", content))
