"""Event streams: a channel's packages as server-sent events, with what a client has missed.

An event's ``id`` is the message's seq; a client that comes back gives the last one that it saw, and
hears first what has been kept since. The format is the WHATWG HTML standard's, section 9.2.
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
"""Messages that are read from the store at once."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_SEQ = re.compile(r"[0-9]{1,16}")


class EventStreams:
    """The protocol's other half, once a server. Each payload that it sends is a whole event."""

    name: Final = "channels"

    def __init__(self, hub: Hub, *, broadcast: Broadcast, catch_up_bytes: int = 1_048_576) -> None:
        """*catch_up_bytes* of what it missed is a client sent at once: less than its outbox holds."""
        self._hub = hub
        self._broadcast = broadcast
        self._catch_up_bytes = catch_up_bytes

    def endpoint(self, name: str, last_event_id: str | None = None) -> EventStreamEndpoint:
        """Where those come in who listen to the channel *name*, from behind *last_event_id* on."""
        return EventStreamEndpoint(self, name, seq_of(last_event_id))

    def open(self, name: str, since: int | None, outbox: Outbox, address: str, port: int) -> Listener:
        """Begin to listen to the channel *name*, with what was missed *since* a seq where one is given."""
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
        """Send what has been kept since *since*.

        A client that missed more than it is sent at once gets the first part, and then the end of the
        stream: it comes back for the rest by itself, as clients of event streams do.
        """
        budget = self._catch_up_bytes
        is_more = True
        while is_more:
            _, page = self._hub.history(session, room, since=since, limit=PAGE)
            for record in page.messages:
                payload = encode_event(record)
                assert payload is not None, "what is kept is told"
                session.outbox.send(payload)
                since = record.seq
                budget -= len(payload)
                if budget < 0:
                    self._end(session, NORMAL_CLOSURE, "")
                    return
            is_more = len(page.messages) == PAGE

    def _end(self, session: Session, code: int, reason: str) -> None:
        self._hub.disconnect(session)  # at once, so that nothing is sent behind the end
        session.outbox.disconnect(code, reason)


class EventStreamEndpoint:
    """One channel's, for one client: what it has seen is its own."""

    def __init__(self, streams: EventStreams, name: str, since: int | None) -> None:
        self._streams = streams
        self._name = name
        self._since = since

    def open(self, outbox: Outbox, address: str, port: int) -> Listener:
        """A client at *address* and *port* has connected; who may not listen is sent away."""
        return self._streams.open(self._name, self._since, outbox, address, port)


def seq_of(last_event_id: str | None) -> int | None:
    """The seq that the header ``Last-Event-ID`` gives; None where it is missing or no seq."""
    if last_event_id is None or _SEQ.fullmatch(last_event_id) is None:
        return None
    return int(last_event_id)


def encode_event(event: Any) -> bytes | None:
    """*event*, as announced or as kept, as a server-sent event; None where it is told to nobody here."""
    match event:
        case Publication(kind="bytes"):
            return server_sent(b64encode(event.payload), kind="bytes", seq=event.seq)
        case Publication():
            return server_sent(event.payload, seq=event.seq)
        case RoomMessage():
            return server_sent(encode(push_frame(event)), seq=event.seq)
    frame = push_frame(event)
    return None if frame is None else server_sent(encode(frame), kind=frame["event"])


def server_sent(content: bytes, *, kind: str | None = None, seq: int = 0) -> bytes:
    """An event of *kind* that says *content*, with a number where *seq* is one."""
    head = (f"id: {seq}\n" if seq else "") + (f"event: {kind}\n" if kind is not None else "")
    return b"%bdata: %b\n\n" % (head.encode(), _LINE_END.sub(b"\ndata: ", content))
