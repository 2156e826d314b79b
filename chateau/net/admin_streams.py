"""The admin API's event streams: the live stream of the server's metrics, and taps of one session's frames.

The live stream sends metrics, sessions and rooms once per second. Nothing is measured before the first
subscriber connects or after the last one leaves. Events are encoded once per second for all subscribers with
one limit.

A tap sends the frames of one session. The tapped session is notified, by its own protocol, when the first
watcher connects and when the last one leaves. A connection that is not tapped pays nothing; see
:meth:`chateau.net.connection.Connection.observe`.
"""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from chateau.net import frames
from chateau.net.frames import Binary, Close, Part, Ping, Pong, Received, Reply, Violation, Whole
from chateau.net.framing import (
    CHUNKED_EVENT_STREAM,
    EVENT_STREAM,
    LINES,
    WEBSOCKET,
    content_of_chunk,
)
from chateau.protocols.json_text import encode
from chateau.protocols.transport import NORMAL_CLOSURE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.net.connection import Connection, PeerFactory
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.framing import Framing
    from chateau.net.metrics import Metrics, Probe
    from chateau.protocols.admin import AdminProtocol
    from chateau.protocols.transport import Outbox

Frame = dict[str, Any]

INTERVAL_SECONDS = 1.0


class StreamSubscriber:
    """The peer of one client of an event stream of the admin API.

    It is a connection like all others, so a slow one is limited by its outbox and affects no other. It has no
    session, and does not count as one.
    """

    __slots__ = ("_on_gone", "_outbox")

    session = None

    def __init__(self, outbox: Outbox, on_gone: Callable[[StreamSubscriber], None]) -> None:
        self._outbox = outbox
        self._on_gone = on_gone

    def send(self, *events: bytes) -> None:
        """Send *events*."""
        for event in events:
            self._outbox.send(event)

    def end(self) -> None:
        """End the stream after what was sent."""
        self._outbox.disconnect(NORMAL_CLOSURE, "")

    def on_open(self) -> None:
        """Wait for events."""

    def on_excess(self, message: str | bytes) -> None:
        """Ignore *message*."""

    def on_text(self, text: str) -> None:
        """Ignore *text*."""

    def on_binary(self, payload: bytes) -> None:
        """Ignore *payload*."""

    def on_close(self) -> None:
        """Unsubscribe."""
        self._on_gone(self)


def _opener(
    add: Callable[[StreamSubscriber], None], remove: Callable[[StreamSubscriber], None]
) -> PeerFactory:
    """Return the factory of subscribers, which calls *add* with each one, and *remove* when it is gone."""

    def open_peer(outbox: Outbox, _address: str, _port: int) -> StreamSubscriber:
        subscriber = StreamSubscriber(outbox, remove)
        add(subscriber)
        return subscriber

    return open_peer


def encode_event(kind: str, frame: Frame) -> bytes:
    """Return the event of *kind* with the data *frame*, which encodes to one line of JSON."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(frame))


class LiveStream:
    """The live stream. One per server."""

    def __init__(
        self, admin: AdminProtocol, metrics: Metrics, probe: Probe, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._admin = admin
        self._metrics = metrics
        self._probe = probe
        self._loop = loop
        self._subscribers: dict[StreamSubscriber, int] = {}  # and how many sessions each one lists
        self._timer: asyncio.TimerHandle | None = None

    def opener(self, limit: int) -> PeerFactory:
        """Return the factory of subscribers that list the busiest *limit* sessions."""
        return _opener(lambda subscriber: self.add(subscriber, limit), self.remove)

    def add(self, subscriber: StreamSubscriber, limit: int) -> None:
        """Send the present state to *subscriber*, and once per second from now on."""
        if not self._subscribers:
            self._metrics.sample()
            self._probe.start()
            self._timer = self._loop.call_later(INTERVAL_SECONDS, self._tick)
        self._subscribers[subscriber] = limit
        subscriber.send(self._server(), self._sessions(limit), self._rooms())

    def remove(self, subscriber: StreamSubscriber) -> None:
        """Remove *subscriber*, which is gone."""
        self._subscribers.pop(subscriber, None)
        if not self._subscribers and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._probe.stop()
            self._metrics.reset()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(INTERVAL_SECONDS, self._tick)
        self._metrics.sample()
        server, rooms = self._server(), self._rooms()
        limits = set(self._subscribers.values())
        sessions = {limit: self._sessions(limit) for limit in limits}
        for subscriber, limit in list(self._subscribers.items()):
            subscriber.send(server, sessions[limit], rooms)

    def _server(self) -> bytes:
        return encode_event("house", self._metrics.server(self._probe.latency()))

    def _sessions(self, limit: int) -> bytes:
        return encode_event("sessions", self._metrics.sessions(limit))

    def _rooms(self) -> bytes:
        return encode_event("rooms", self._admin.rooms())


# Taps

SHOWN_BYTES = 16_384
"""Maximum part of a payload that is shown, in bytes."""

ENDED = {"reason": "the session ended"}


class Taps:
    """All taps. One per server."""

    def __init__(self, hub: Hub, groups: Collection[ConnectionGroup], *, now: Callable[[], str]) -> None:
        """*now* returns the time as RFC 3339."""
        self.now = now
        self._hub = hub
        self._groups = groups
        self._taps: dict[str, Tap] = {}  # by the session's id
        self._watched: dict[StreamSubscriber, Tap] = {}

    def is_tapped(self, session_id: str) -> bool:
        """Return whether the session is tapped."""
        return session_id in self._taps

    def opener(self, session: Session) -> PeerFactory:
        """Return the factory of watchers of *session*."""
        return _opener(lambda watcher: self.add(watcher, session), self.remove)

    def add(self, watcher: StreamSubscriber, session: Session) -> None:
        """Report the frames of *session* to *watcher* from now on; if the session has ended, report that."""
        tap = self._taps.get(session.id) or self._start(session)
        if tap is None:
            watcher.send(encode_event("end", ENDED))
            watcher.end()
            return
        self._watched[watcher] = tap
        tap.watchers[watcher] = None
        if len(tap.watchers) == 1:
            self._hub.notify_tap(session, active=True)

    def remove(self, watcher: StreamSubscriber) -> None:
        """Remove *watcher*, which is gone."""
        tap = self._watched.pop(watcher, None)
        if tap is None:
            return
        del tap.watchers[watcher]
        if not tap.watchers:
            del self._taps[tap.session.id]
            tap.stop()
            self._hub.notify_tap(tap.session, active=False)

    def _start(self, session: Session) -> Tap | None:
        connections = (connection for group in self._groups for connection in group.connections)
        for connection in connections:
            if connection.session is session:
                tap = self._taps[session.id] = Tap(connection, session, self.now)
                return tap
        return None


class Tap:
    """Reports the frames of one session to all who watch it."""

    def __init__(self, connection: Connection, session: Session, now: Callable[[], str]) -> None:
        self.session = session
        self.watchers: dict[StreamSubscriber, None] = {}
        self._now = now
        self._loop = connection.group.loop
        self._pending: list[bytes] = []
        self._seen_in = SEEN_IN[connection.group.framing]
        self.stop = connection.observe(self)

    def on_received(self, received: Sequence[Received]) -> None:
        """Report received messages, together with what is sent in the same iteration of the event loop."""
        self._add("in", [seen_of(item) for item in received if not isinstance(item, Part | Reply)])

    def on_sent(self, frames: Sequence[bytes]) -> None:
        """Report sent frames."""
        self._add("out", (seen for frame in frames for seen in self._seen_in(frame)))
        self._flush()

    def on_gone(self) -> None:
        """Report the end of the session."""
        self._pending.append(encode_event("end", ENDED))
        self._flush()
        for watcher in list(self.watchers):
            watcher.end()

    def _add(self, direction: str, seen: Iterable[Seen]) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        time = self._now()
        self._pending += [encode_event("frame", frame_of(direction, item, time)) for item in seen]

    def _flush(self) -> None:
        if not self._pending or not self.watchers:  # the first watcher is added after the backlog is reported
            return
        events, self._pending = self._pending, []
        for watcher in list(self.watchers):  # sending may remove a slow one
            watcher.send(*events)


class Seen(NamedTuple):
    """A frame as a watcher sees it: its *kind*, its *size* on the wire, and its *content*."""

    kind: str
    size: int
    content: bytes


def seen_of(received: Whole) -> Seen:
    """Return *received* as a watcher sees it."""
    match received:
        case str():
            content = received.encode()
            return Seen("text", len(content), content)
        case Binary(payload):
            return Seen("binary", len(payload), payload)
        case Ping(payload):
            return Seen("ping", len(payload), payload)
        case Pong(payload):
            return Seen("pong", len(payload), payload)
        case Close(None, _):
            return Seen("close", 0, b"")
        case Close(code, reason):
            return Seen("close", 2 + len(reason.encode()), f"{code} {reason}".rstrip().encode())
        case Violation(code, reason):
            return Seen("violation", 0, f"{code} {reason}".encode())


KINDS = {
    frames.TEXT: "text",
    frames.BINARY: "binary",
    frames.CLOSE: "close",
    frames.PING: "ping",
    frames.PONG: "pong",
}

_HEADER_BYTES = {126: 4, 127: 10}  # by the second byte of the frame; otherwise 2


def _seen_in_frame(frame: bytes) -> Iterator[Seen]:
    """Yield what a WebSocket frame of the server shows: it is whole and not masked."""
    kind = KINDS[frame[0] & 0xF]
    payload = content = frame[_HEADER_BYTES.get(frame[1], 2) :]
    if kind == "close" and payload:
        content = (b"%d %b" % (int.from_bytes(payload[:2]), payload[2:])).rstrip()
    yield Seen(kind, len(payload), content)


_KINDS_OF_BLOCKS = {b":": "ping", b"\xff": "binary"}  # by their first byte


def _seen_in_blocks(frame: bytes, *, end: bytes) -> Iterator[Seen]:
    """Yield the texts that end with *end*; comments are pings, telnet's commands binary."""
    for block in frame.removesuffix(end).split(end):
        yield Seen(_KINDS_OF_BLOCKS.get(block[:1], "text"), len(block), block)


def _seen_in_chunk(frame: bytes) -> Iterator[Seen]:
    """Yield the event in *frame*, a chunk; nothing for the chunk that ends a stream."""
    content = content_of_chunk(frame)
    if content:
        yield from _seen_in_blocks(content, end=b"\n\n")


SEEN_IN: dict[Framing, Callable[[bytes], Iterator[Seen]]] = {
    WEBSOCKET: _seen_in_frame,
    LINES: partial(_seen_in_blocks, end=b"\r\n"),
    EVENT_STREAM: partial(_seen_in_blocks, end=b"\n\n"),
    CHUNKED_EVENT_STREAM: _seen_in_chunk,
}


def frame_of(direction: str, seen: Seen, time: str) -> Frame:
    """Return the data of the event that reports *seen*."""
    shown = seen.content[:SHOWN_BYTES]
    return {
        "direction": direction,
        "time": time,
        "kind": seen.kind,
        "size": seen.size,
        **_content(seen.kind, shown),
        "truncated": len(shown) < len(seen.content),
    }


def _content(kind: str, shown: bytes) -> Frame:
    """Return text as text, without a character that was cut at its end; all else in base64."""
    is_text = kind != "binary" and (kind not in ("ping", "pong") or _is_utf8(shown))
    return {"text": shown.decode(errors="ignore")} if is_text else {"base64": b64encode(shown).decode()}


def _is_utf8(shown: bytes) -> bool:
    try:
        shown.decode()
    except UnicodeDecodeError:
        return False
    return True
