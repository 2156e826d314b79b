"""A connection: the rules between its bytes and the peer, RFC 6455's where it is a WebSocket.

What comes in goes through the decoder of the wire's framing: messages to the peer, pings answered,
closes echoed, violations answered with their code. What goes out is put in the outbox that the
connection is. The two kinds at the end differ only in where bytes are read and written: a plain socket
read straight from the event loop, or Tornado's IOStream, for TLS and for loops that watch no sockets.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from tornado.iostream import SSLIOStream, StreamClosedError

from chateau.net import frames
from chateau.net.frames import Binary, Close, Ping, Pong, Violation
from chateau.net.observer import OverheardDecoder, overheard
from chateau.net.outbox import Outbox

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from tornado.iostream import IOStream

    from chateau.hub.session import Session
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.framing import Decoder
    from chateau.net.observer import FrameObserver
    from chateau.protocols.transport import Endpoint, LinePeer, Peer

log = logging.getLogger(__name__)

READ_BYTES: Final = 32_768
"""Read at once. From 64 KiB on, malloc tidies up its small blocks at every read: 2 % of a request."""

LARGE_BYTES: Final = 65_536
"""A message that is longer goes out at once: a read may bring many short requests with long answers, and what
waits for a client is counted when it has been flushed."""

CLOSE_SECONDS: Final = 5.0
"""How long a client may take to read what waits for it and to answer a close."""

LINGER_SECONDS: Final = 1.0
"""How long a client that answers no close is read on, lest a reset overtake the last that it is told."""

OPEN: Final = 0
CLOSING: Final = 1  # a close frame is in the outbox; the peer's is waited for
ENDING: Final = 2  # nothing more is said: it ends once the outbox is empty
LINGERING: Final = 3  # the same, where no close will be answered: what still comes is read and dropped
CLOSED: Final = 4


class Connection(Outbox):
    """One client's connection, whatever carries its bytes."""

    __slots__ = (
        "_decoder",
        "_ear",
        "_has_ended",
        "_peer",
        "_state",
        "_timer",
        "group",
        "heard",
        "received",
        "unanswered_pings",
    )

    def __init__(self, group: ConnectionGroup) -> None:
        super().__init__(group.max_outbox)
        self.group = group
        self.heard = True  # has anything come since the last look?
        self.unanswered_pings = 0
        self.received = 0  # messages
        self._ear: FrameObserver | None = None
        self._decoder: Decoder = group.framing.decoder(group.max_frame)
        self._peer: Peer | None = None  # until the session ends
        self._state: int = OPEN
        self._has_ended = False  # the client says nothing more, and may still listen
        self._timer: asyncio.TimerHandle | None = None

    def open(self, endpoint: Endpoint, address: str, port: int) -> None:
        """Begin: *endpoint* opens a peer for this client."""
        self._peer = endpoint.open(self, address, port)
        self.group.connections.add(self)

    @property
    def session(self) -> Session | None:
        """The session that it carries, until that ends."""
        return None if self._peer is None else self._peer.session

    def tap(self, ear: FrameObserver) -> Callable[[], None]:
        """Have *ear*, the only one, hear all that comes and goes; returns what takes it away again.

        A connection that nobody listens to pays nothing for it: what decodes and what writes are replaced.
        """
        decoder, write = self._decoder, self.write

        def untap() -> None:
            self._ear = None
            self._decoder = decoder
            if self._state != CLOSED:
                self.write = write

        self._ear = ear
        self._decoder = OverheardDecoder(decoder, ear)
        self.write = overheard(write, ear)
        return untap

    def send(self, payload: bytes) -> None:
        """Send *payload*, UTF-8, as a text frame at the end of the turn; nothing follows a close frame."""
        if self._state == OPEN:
            self.group.scheduler.put(self, self.group.framing.text(payload))
            if len(payload) > LARGE_BYTES:
                self.flush()

    def send_binary(self, payload: bytes) -> None:
        """Send *payload* as a binary frame; otherwise as :meth:`send`."""
        if self._state == OPEN:
            self.group.scheduler.put(self, self.group.framing.binary(payload))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.group.scheduler.put(self, self.group.framing.ping)

    def disconnect(self, code: int, reason: str) -> None:
        """End the session and close: the client is told *code* and *reason* behind all that waits for it."""
        if self._state != OPEN:
            return
        self._say_close(code, reason)
        if self.group.framing.is_answered:
            self._state = CLOSING
        else:
            self._state = ENDING if self._has_ended else LINGERING
            self._end_when_written()

    def abort(self) -> None:
        """End the connection now. Once more does nothing."""
        if self._state == CLOSED:
            return
        self._state = CLOSED
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.group.forget(self)
        self.drop()
        self.write = len  # whatever is still put in is taken, and goes nowhere
        self._close_transport()
        self._end_session()
        if self._ear is not None:
            self._ear.on_gone()

    # What comes in

    def on_bytes(self, data: bytes) -> None:
        """*data* has come from the client."""
        self.heard = True
        try:
            for received in self._decoder.feed(data):
                if received.__class__ is str:
                    if self._state == OPEN:
                        self.received += 1
                        self._peer.on_text(received)  # type: ignore[union-attr]
                else:
                    self._HANDLERS[type(received)](self, received)
        except Exception:
            log.exception("a connection failed, and is closed")
            self.disconnect(frames.INTERNAL_ERROR, "internal error")

    def on_end(self) -> None:
        """Nothing more will come. Where that is no end of all yet, the peer decides when it is."""
        listens = self._state == OPEN and self.group.framing.is_half_closed and not self._has_ended
        if listens and self._stops_reading():
            self._has_ended = True
            cast("LinePeer", self._peer).on_end()
        else:
            self.abort()

    def on_lost(self, exc: OSError) -> None:
        """The connection broke, as connections do."""
        log.debug("a connection was lost: %s", exc)
        self.abort()

    def _on_binary(self, received: Binary) -> None:
        if self._peer is not None:
            self.received += 1
            self._peer.on_binary(received.payload)

    def _on_ping(self, received: Ping) -> None:
        if self._state == OPEN:
            self.group.scheduler.put(self, frames.pong_frame(received.payload))

    def _on_pong(self, received: Pong) -> None:
        pass  # that something came has been noted

    def _on_close(self, received: Close) -> None:
        if self._state == OPEN:
            self._say_close(received.code, "")
        self._state = ENDING
        self._end_when_written()

    def _on_violation(self, violation: Violation) -> None:
        log.debug("a client broke the protocol: %s", violation.reason)
        if self._state == OPEN:
            self._say_close(violation.code, violation.reason)
        self._state = LINGERING
        self._end_when_written()

    _HANDLERS: ClassVar[dict[type, Callable[[Connection, Any], None]]] = {
        Binary: _on_binary,
        Ping: _on_ping,
        Pong: _on_pong,
        Close: _on_close,
        Violation: _on_violation,
    }

    # How it ends

    def _say_close(self, code: int | None, reason: str) -> None:
        self._end_session()
        last_words = self.group.framing.close(code, reason)
        if last_words:
            self.group.scheduler.put(self, last_words)
        self._timer = self.group.loop.call_later(CLOSE_SECONDS, self.abort)

    def _end_session(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.on_close()

    def _end_when_written(self) -> None:
        # Behind the flush of what has been put in; where that leaves a backlog, on_drained comes here again.
        self.group.loop.call_soon(self._end_if_written)

    def _end_if_written(self) -> None:
        if not self._has_written_all():
            return
        if self._state == ENDING:
            self.abort()
        elif self._state == LINGERING:
            self._shut_down_writing()
            self._restart_timer(LINGER_SECONDS)

    def _half_close(self, sock: socket.socket) -> None:
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError as exc:
            self.on_lost(exc)

    def _restart_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.group.loop.call_later(seconds, self.abort)

    def on_drained(self) -> None:
        """The backlog is gone."""
        self._end_if_written()

    def on_overflow(self) -> None:
        """The client reads too slowly: it alone is sent away, and what waited for it is dropped."""
        if self._state == OPEN:
            log.info("a slow consumer is disconnected: %d bytes waited for it", self.backlog_bytes)
            self.drop()
            self.disconnect(frames.POLICY_VIOLATION, "slow consumer")

    # What the two kinds below say

    def _has_written_all(self) -> bool:
        return self.is_empty

    def _stops_reading(self) -> bool:
        raise NotImplementedError

    def _shut_down_writing(self) -> None:
        raise NotImplementedError

    def _close_transport(self) -> None:
        raise NotImplementedError


class SocketConnection(Connection):
    """A plain socket of its own, read and written from the event loop: the fast path.

    Nothing of the handshake is left when one of these is open: no request, handler or stream.
    """

    __slots__ = ("_socket",)

    def __init__(self, group: ConnectionGroup, sock: socket.socket) -> None:
        """Takes *sock* over, which does not block."""
        super().__init__(group)
        self._socket = sock
        self.write = sock.send
        group.poller.watch(sock.fileno(), self)

    def on_blocked(self) -> None:
        """Go on when the socket takes more."""
        self.group.poller.watch_writing(self._socket.fileno())

    def on_drained(self) -> None:
        """The backlog is gone."""
        self.group.poller.unwatch_writing(self._socket.fileno())
        super().on_drained()

    def on_readable(self) -> None:
        """Read what has come."""
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self.on_lost(exc)
            return
        if data:
            self.on_bytes(data)
        else:
            self.on_end()

    def _stops_reading(self) -> bool:
        self.group.poller.unwatch_reading(self._socket.fileno())
        if self._backlog is not None:
            self.on_blocked()
        return True

    def _shut_down_writing(self) -> None:
        self._half_close(self._socket)

    def _close_transport(self) -> None:
        self.group.poller.forget(self._socket.fileno())
        self._socket.close()


class StreamConnection(Connection):
    """Tornado's IOStream carries the bytes: TLS, and event loops that watch no sockets (Windows')."""

    __slots__ = ("_stream",)

    def __init__(self, group: ConnectionGroup, stream: IOStream) -> None:
        super().__init__(group)
        self._stream = stream
        self.write = self._write

    async def read_on(self) -> None:
        """Read until the connection ends."""
        try:
            while True:
                data = await self._stream.read_bytes(READ_BYTES, partial=True)
                self.group.scheduler.begin()
                self.on_bytes(data)
                self.group.scheduler.end()  # at once: the stream may close behind it
                await asyncio.sleep(0)  # a client that never pauses must not keep the loop to itself
        except StreamClosedError:
            self.on_end()

    def on_blocked(self) -> None:
        """Go on when the stream has written what it has: :meth:`_on_written` does."""

    def _write(self, batch: bytes) -> int:
        if self._stream.writing():
            return 0
        try:
            self._stream.write(batch).add_done_callback(self._on_written)
        except StreamClosedError as exc:
            raise ConnectionResetError(str(exc)) from exc
        return len(batch)

    def _on_written(self, written: Future[None]) -> None:
        if written.exception() is not None:
            self.abort()
            return
        self.drain()
        self._end_if_written()

    def _has_written_all(self) -> bool:
        return self.is_empty and not self._stream.writing()

    def _stops_reading(self) -> bool:
        return False  # at a stream's end Tornado has closed it already

    def _shut_down_writing(self) -> None:
        # TLS has no half-close that all clients know; a closed stream has no socket.
        if not isinstance(self._stream, SSLIOStream) and not self._stream.closed():
            self._half_close(self._stream.socket)

    def _close_transport(self) -> None:
        self._stream.close()
