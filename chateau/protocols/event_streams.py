"""Event streams: the publications of a channel as server-sent events, with those that a client missed.

The ``id`` of an event is the seq of the message; a client that reconnects sends the last one that it has, and
first receives what was stored since. The format is that of the WHATWG HTML standard, section 9.2.

Only packages of text and JSON are events without a type. A publisher cannot give an event a type, so nothing
that it sends looks like a member's message or like an event of the server.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from chateau.hub.errors import Unavailable
from chateau.hub.events import Publication, RoomMessage
from chateau.protocols.channels import Listener, listening, push_frame
from chateau.protocols.json_text import encode
from chateau.protocols.transport import NORMAL_CLOSURE, TRY_AGAIN_LATER

if TYPE_CHECKING:
    from collections.abc import Collection

    from chateau.hub.events import Event
    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.protocols.transport import Broadcast, Outbox

PAGE = 1_000
"""Number of messages that are read from the store at once."""

MEMBER = "member"
"""The type of the event for a message that a member of the room sent."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_SEQ = re.compile(r"[0-9]{1,16}")


class EventStreams:
    """The event streams of one server. Each payload that it sends is a whole event."""

    name: Final = "channels"

    def __init__(self, hub: Hub, *, broadcast: Broadcast, catch_up_bytes: int = 1_048_576) -> None:
        """*catch_up_bytes* is how much a client is sent of what it missed: less than its outbox can hold."""
        self._hub = hub
        self._broadcast = broadcast
        self._catch_up_bytes = catch_up_bytes

    def endpoint(self, name: str, last_event_id: str | None = None) -> EventStreamEndpoint:
        """Return the endpoint for listeners of the channel *name* who have received *last_event_id*."""
        return EventStreamEndpoint(self, name, seq_of(last_event_id))

    def open(self, name: str, since: int | None, outbox: Outbox, address: str, port: int) -> Listener:
        """Open a stream of the channel *name*, with what was missed *since* a seq if one is given."""
        session = listening(self._hub, self, name, outbox, address, port)
        if since is not None and session.room is not None:
            try:
                self._catch_up(session, session.room.name, since)
            except Unavailable as error:
                self._end(session, TRY_AGAIN_LATER, error.code)
        return Listener(self._hub, session)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*."""
        payload = encode_event(event)
        if payload is not None:
            self._broadcast(payload, [session.outbox for session in sessions])

    def _catch_up(self, session: Session, room: str, since: int) -> None:
        """Send what was stored since *since*.

        A client that missed more than it is sent at once gets the first part and the end of the stream: it
        reconnects for the rest by itself, as clients of event streams do.
        """
        budget = self._catch_up_bytes
        is_more = True
        while is_more:
            _, page = self._hub.history(session, room, since=since, limit=PAGE)
            for record in page.messages:
                payload = encode_event(record)
                assert payload is not None, "what is stored is sent"
                session.outbox.send(payload)
                since = record.seq
                budget -= len(payload)
                if budget < 0:
                    self._end(session, NORMAL_CLOSURE, "")
                    return
            is_more = len(page.messages) == PAGE

    def _end(self, session: Session, code: int, reason: str) -> None:
        self._hub.disconnect(session)  # first, so that nothing is sent after the end
        session.outbox.disconnect(code, reason)


class EventStreamEndpoint:
    """The endpoint of one channel for one client, which has received the events up to a seq."""

    def __init__(self, streams: EventStreams, name: str, since: int | None) -> None:
        self._streams = streams
        self._name = name
        self._since = since

    def open(self, outbox: Outbox, address: str, port: int) -> Listener:
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
