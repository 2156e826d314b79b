"""A connection: the rules between its bytes and the peer; those of RFC 6455 on a WebSocket.

Received bytes go through the decoder of the group's framing: messages go to the peer, a ping leads to a
pong, a close to a close, and a violation to a close with its code. A connection is an outbox: sent frames are
queued in it. The two kinds at the end differ only in where bytes are read and written: a plain socket read by
the event loop directly, or Tornado's IOStream, for TLS and for event loops that do not watch sockets.

What a client sends is handled in units of about a millisecond (:mod:`chateau.net.turns`), as far as its
tokens go (:mod:`chateau.net.allowance`), and only while it reads what it is sent. The rest is held, and the
socket is not read meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, cast

from tornado.iostream import SSLIOStream, StreamClosedError

from chateau.hub.guesses import share_of
from chateau.net import frames
from chateau.net.frames import Binary, Close, Ping, Reply, Violation
from chateau.net.framing import DiscardingDecoder, ObservedDecoder
from chateau.net.liveness import probe_when_idle
from chateau.net.outbox import Outbox
from chateau.protocols.costs import MESSAGE_BYTES_PER_TOKEN
from chateau.protocols.transport import POLICY_VIOLATION, TRY_AGAIN_LATER, LinePeer, Peer
from chateau.protocols.transport import Outbox as ProtocolOutbox

if TYPE_CHECKING:
    from asyncio import Future

    from tornado.iostream import IOStream

    from chateau.hub.session import Session
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.frames import Received
    from chateau.net.framing import Decoder, FrameObserver

log = logging.getLogger(__name__)

PeerFactory = Callable[[ProtocolOutbox, str, int], Peer]
"""Makes the peer of a client, from the outbox that leads to it, its address and its port."""

READ_BYTES: Final = 32_768
"""Bytes per read. From 64 KiB on, malloc consolidates its small blocks at every read: 2 % of a request."""

PIECE_BYTES: Final = 4_096
"""Bytes that are decoded at once: a millisecond's worth of the shortest frames."""

LOW_WATER_BYTES: Final = 65_536
"""A client with a larger backlog is not served, until it has read all of it."""

LARGE_BYTES: Final = 65_536
"""Longer messages are flushed at once: one read may bring many short requests with long responses, and the
backlog of a client is counted at the flush."""

CLOSE_SECONDS: Final = 5.0
"""How long a client may take to read its backlog and to close in return."""

LINGER_SECONDS: Final = 1.0
"""How long a client that sends no close is read, so that a TCP reset does not discard the last frame."""

OPEN: Final = 0
CLOSING: Final = 1  # a close frame is queued; the client has to send one, too
ENDING: Final = 2  # nothing more is sent: it ends once the outbox is empty
LINGERING: Final = 3  # the same, for a client that sends no close: all data is read and dropped
CLOSED: Final = 4

_END: Final = object()


class Connection(Outbox):
    """One client's connection, on any transport."""

    __slots__ = (
        "_begun_at_check",
        "_counted_bytes",
        "_decoder",
        "_has_ended",
        "_held",
        "_is_stopped",
        "_pause",
        "_peer",
        "_state",
        "_steps",
        "_timer",
        "_undecoded",
        "address",
        "allowance",
        "group",
        "heard",
        "is_direct",
        "is_waiting",
        "received",
        "unanswered",
    )

    def __init__(self, group: ConnectionGroup) -> None:
        super().__init__(group.max_outbox)
        self.group = group
        self.heard = True  # has the client sent anything since the last check?
        self.unanswered = 0  # checks in a row: see chateau.net.liveness
        self.is_direct = True  # the TCP peer is the client, not a proxy
        self.received = 0  # messages
        self._decoder: Decoder = group.framing.decoder(group.max_frame)
        self._peer: Peer | None = None  # until the session ends
        self._state: int = OPEN
        self._has_ended = False  # the client has finished sending, and may still receive
        self._timer: asyncio.TimerHandle | None = None
        self.address = ""  # whose turns it takes
        self.is_waiting = False  # for a turn
        self.allowance = group.new_allowance()
        self._steps: Iterator[None] | None = None  # the rest of a request that takes more than one turn
        self._held: Sequence[Received] = ()  # decoded, and not handled yet
        self._undecoded = b""
        self._begun_at_check = -1  # see has_stalled()
        self._counted_bytes = 0  # of what is not handled yet
        self._is_stopped = False  # the socket is not read, so that no more is held
        self._pause: asyncio.TimerHandle | None = None  # until there are tokens

    def open(self, open_peer: PeerFactory, address: str, port: int) -> None:
        """Begin, with the peer that *open_peer* makes for the client at *address* and *port*."""
        self.address = share_of(address)
        peer = self._peer = open_peer(self, address, port)
        probe_when_idle(self.sock, self.group.ping_seconds)
        self.group.count(self)
        self._steps = peer.on_open()
        if self._steps is not None:
            self._hold(())
            self.group.turns.add(self)

    @property
    def is_ending(self) -> bool:
        """Whether a close is queued, or the connection has ended."""
        return self._state != OPEN

    @property
    def is_paused(self) -> bool:
        """Whether the client has to wait before it is read again; it can send no pong meanwhile."""
        return self._is_stopped

    def freeze(self) -> None:
        """Handle nothing more that the client sends, except its close, until :meth:`disconnect`."""
        self._hold(self._held)

    @property
    def session(self) -> Session | None:
        """The session on this connection, until it ends."""
        return None if self._peer is None else self._peer.session

    def observe(self, observer: FrameObserver) -> Callable[[], None]:
        """Report all frames to *observer*, the only one; return the function that ends this.

        Frames that wait in the backlog are reported at once.
        """
        decoder = self._decoder

        def stop() -> None:
            self.observer = None
            self._decoder = decoder

        self.observer = observer
        self._decoder = ObservedDecoder(decoder, observer)
        observer.on_sent(self.backlog)
        return stop

    def send(self, payload: bytes) -> None:
        """Queue *payload*, UTF-8, as a text frame; ignored after a close frame."""
        if self._state == OPEN:
            self.group.scheduler.enqueue(self, self.group.framing.text(payload))
            if len(payload) > LARGE_BYTES:
                self.flush()

    def send_binary(self, payload: bytes) -> None:
        """Queue *payload* as a binary frame; ignored after a close frame."""
        if self._state == OPEN:
            self.group.scheduler.enqueue(self, self.group.framing.binary(payload))

    def ping(self) -> None:
        """Queue a ping."""
        self.group.scheduler.enqueue(self, self.group.framing.ping)

    def disconnect(self, code: int, reason: str) -> None:
        """End the session, and close with *code* and *reason* after all queued frames."""
        if self._state != OPEN:
            return
        self._send_close(code, reason)
        if self.group.framing.is_answered:
            self._state = CLOSING
        else:
            self._state = ENDING if self._has_ended else LINGERING
            self._end_when_written()
        if self._is_stopped:  # for the client's close
            self.group.turns.add(self)

    def abort(self) -> None:
        """End the connection now. Idempotent."""
        if self._state == CLOSED:
            return
        self._state = CLOSED
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pause is not None:
            self._pause.cancel()
        self._held, self._undecoded = (), b""
        self.group.partial_input.set(self, 0)
        self.group.forget(self)
        self.drop()
        self.write = len  # accepts and discards whatever is still queued
        self._close_transport()
        self._end_session()
        if self.observer is not None:
            self.observer.on_gone()

    # Limits of the server

    @property
    def is_expendable(self) -> bool:
        """Whether nobody would miss it: it has no username and no room, and is silent."""
        session = self.session
        is_anonymous = session is not None and session.username is None and not session.rooms
        return is_anonymous and not (self.heard and self.received)

    def make_room(self) -> None:
        """End now, so that another client can connect."""
        self.disconnect(TRY_AGAIN_LATER, "too many connections")
        self.flush()
        self.abort()

    def drop_input(self, reason: str) -> None:
        """End, for *reason*, and release what has been received."""
        self._held, self._undecoded = (), b""
        self._decoder = DiscardingDecoder(0)
        self.disconnect(TRY_AGAIN_LATER, reason)

    def has_stalled(self) -> bool:
        """Whether no message has become whole since the last call, and one had begun by then already."""
        begun = self.received if self._decoder.partial_bytes else -1
        is_same = begun == self._begun_at_check >= 0
        self._begun_at_check = begun
        return is_same and self.group.framing.is_answered

    def end_stalled(self) -> None:
        """End, because a message is not whole in time."""
        self.disconnect(POLICY_VIOLATION, "message timeout")

    def _count_input(self) -> None:
        """Report how much has been received that is not handled yet."""
        held = sum(len(message) for message in self._held if isinstance(message, str))
        size = self._decoder.partial_bytes + len(self._undecoded) + held
        self._counted_bytes = size
        self.group.partial_input.set(self, size)

    # Received

    def charge(self, tokens: float) -> None:
        """Take *tokens* more for the request that is being served."""
        if self.allowance is not None:
            self.allowance.charge(tokens)

    def on_bytes(self, data: bytes) -> None:
        """Handle *data* from the client."""
        self.heard = True
        try:
            if len(data) > PIECE_BYTES:
                self._undecoded = data[PIECE_BYTES:]
                data = data[:PIECE_BYTES]
            self._handle(self._decoder.feed(data), self.group.turns.begin_unit())
            if self._undecoded:
                self._continue()
            if self._decoder.partial_bytes != self._counted_bytes:
                self._count_input()
        except Exception:
            self._fail()

    def take_turn(self) -> None:
        """Read from the socket, or continue with what is held."""
        try:
            if self._state == CLOSED:
                return
            if self._is_stopped:
                self._continue()
                self._count_input()
            else:
                self.on_readable()
        except Exception:
            self._fail()

    def _continue(self) -> None:
        """Handle what is held, until the unit of work ends, and read again when nothing is held any more."""
        turns = self.group.turns
        while not self._must_wait():
            now = turns.clock()
            if now >= turns.ends_at:
                self._hold(self._held)
                turns.add(self)
                return
            if self._steps is not None:
                self._take_step()
                self.flush()  # so that the next step waits for what this one has sent
            elif self._held:
                held, self._held = self._held, ()
                self._handle(held, now)
            elif self._undecoded:
                data, self._undecoded = self._undecoded[:PIECE_BYTES], self._undecoded[PIECE_BYTES:]
                self._handle(self._decoder.feed(data), now)
            else:
                self._read_again()
                return

    def _handle(self, messages: Sequence[Received], now: float) -> None:
        """Handle *messages*; hold the rest when the unit of work ends or the client has to wait."""
        turns = self.group.turns
        allowance = self.allowance
        last = len(messages) - 1
        for number, message in enumerate(messages):
            if allowance is not None and self._state == OPEN and not allowance.take(now):
                if self._refuses(message):
                    continue
                self._hold(messages[number:])
                self._pause_reading(allowance.pause_seconds())
                return
            if message.__class__ is str:
                if self._state == OPEN:
                    self.received += 1
                    if len(message) > PIECE_BYTES:
                        self.charge(len(message) / MESSAGE_BYTES_PER_TOKEN)
                    self._steps = self._peer.on_text(message)  # type: ignore[union-attr]
            else:
                self._on_other(message)
            if (self.backlog_bytes > LOW_WATER_BYTES or self._steps is not None) and self._state == OPEN:
                self._hold(messages[number + 1 :])
                turns.add(self)
                return
            now = turns.clock()
            if now >= turns.ends_at and number < last:
                self._hold(messages[number + 1 :])
                turns.add(self)
                return

    def _take_step(self) -> None:
        steps, self._steps = self._steps, None
        if next(steps, _END) is not _END and self._state == OPEN:  # type: ignore[arg-type]
            self._steps = steps

    def _refuses(self, message: Received) -> bool:
        """Refuse *message*, which is above the rate; return False if it has to wait instead."""
        assert self.allowance is not None
        if not isinstance(message, str | Binary) or not self.allowance.may_warn():
            return False
        self._peer.on_excess(message if isinstance(message, str) else message.payload)  # type: ignore[union-attr]
        return True

    def _hold(self, messages: Sequence[Received]) -> None:
        """Handle *messages* later, before anything else."""
        self._held = messages
        if not self._is_stopped:
            self._is_stopped = True
            self._stop_reading()
            self._count_input()

    def _pause_reading(self, seconds: float) -> None:
        """Wait *seconds* for tokens."""
        self._pause = self.group.loop.call_later(seconds, self._end_pause)

    def _end_pause(self) -> None:
        self._pause = None
        self.group.turns.add(self)

    def _must_wait(self) -> bool:
        """Return whether the client is out of tokens, or has to read first what it was sent."""
        if self._state != OPEN:
            return self._state == CLOSED
        return self._pause is not None or self.group.is_frozen or self.backlog_bytes > LOW_WATER_BYTES

    def _read_again(self) -> None:
        if self._is_stopped and not self._has_ended:
            self._is_stopped = False
            self._start_reading()

    def _fail(self) -> None:
        log.exception("a connection failed and is closed")
        self.disconnect(frames.INTERNAL_ERROR, "internal error")

    def on_end(self) -> None:
        """Handle the end of the client's data; if it may still receive, the peer decides when to close."""
        may_receive = self._state == OPEN and self.group.framing.is_half_closed and not self._has_ended
        if may_receive and self._stops_reading():
            self._has_ended = True
            cast("LinePeer", self._peer).on_end()
        else:
            self.abort()

    def on_lost(self, exc: OSError) -> None:
        """Handle a broken connection."""
        log.debug("a connection was lost: %s", exc)
        self.abort()

    def _on_other(self, received: Received) -> None:
        """Handle anything but a text message."""
        match received:
            case Binary(payload):
                if self._peer is not None:
                    self.received += 1
                    self.charge(len(payload) / MESSAGE_BYTES_PER_TOKEN)
                    self._peer.on_binary(payload)
            case Ping(payload):
                if self._state == OPEN:
                    self.group.scheduler.enqueue(self, frames.pong_frame(payload))
            case Close(code, _):
                self._end(code, "", ENDING)
            case Reply(data):
                if self._state == OPEN:
                    self.group.scheduler.enqueue(self, data)
            case Violation(code, reason, is_foreign):
                if is_foreign and self.session is not None:
                    log.info("the client at %s is disconnected: %s", self.session.address, reason)
                else:
                    log.debug("a client violated the protocol: %s", reason)
                self._end(code, reason, LINGERING)

    def _end(self, code: int | None, reason: str, state: int) -> None:
        if self._state == OPEN:
            self._send_close(code, reason)
        self._state = state
        self._end_when_written()

    # How it ends

    def _send_close(self, code: int | None, reason: str) -> None:
        self._end_session()
        frame = self.group.framing.close(code, reason)
        if frame:
            self.group.scheduler.enqueue(self, frame)
        self._timer = self.group.loop.call_later(CLOSE_SECONDS, self.abort)

    def _end_session(self) -> None:
        self._steps = None
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.on_close()

    def _end_when_written(self) -> None:
        # After the flush of the queued frames; if that leaves a backlog, on_drained comes here again.
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
        """Continue after a backlog."""
        self._end_if_written()
        if self._is_stopped and self._pause is None:
            self.group.turns.add(self)

    def on_hangup(self) -> None:
        """Handle the end of a client whose socket is not read."""
        self.abort()

    def on_overflow(self) -> None:
        """Disconnect a client that reads too slowly, and drop its backlog."""
        if self._state == OPEN:
            log.info("a slow consumer is disconnected: its backlog has %d bytes", self.backlog_bytes)
            self.drop()
            self.disconnect(frames.POLICY_VIOLATION, "slow consumer")

    # Defined by the two kinds below

    @property
    def sock(self) -> socket.socket | None:
        """The socket; None if it is closed."""
        raise NotImplementedError

    def _has_written_all(self) -> bool:
        return self.is_empty

    def on_readable(self) -> None:
        """Read from the client."""
        raise NotImplementedError

    def _stop_reading(self) -> None:
        """Read no more until :meth:`_start_reading`."""
        raise NotImplementedError

    def _start_reading(self) -> None:
        raise NotImplementedError

    def _stops_reading(self) -> bool:
        raise NotImplementedError

    def _shut_down_writing(self) -> None:
        raise NotImplementedError

    def _close_transport(self) -> None:
        raise NotImplementedError


class SocketConnection(Connection):
    """A plain socket, read and written by the event loop directly: the fast path.

    Nothing of the handshake remains once it is open: no request, handler or stream.
    """

    __slots__ = ("_socket",)

    def __init__(self, group: ConnectionGroup, sock: socket.socket) -> None:
        """Take over *sock*, which is non-blocking."""
        super().__init__(group)
        self._socket = sock
        self.write = sock.send
        group.poller.watch(sock.fileno(), self)

    @property
    def sock(self) -> socket.socket | None:
        return self._socket

    def on_blocked(self) -> None:
        """Continue when the socket can be written."""
        self.group.poller.watch_writing(self._socket.fileno())

    def on_drained(self) -> None:
        """Continue after a backlog."""
        self.group.poller.unwatch_writing(self._socket.fileno())
        super().on_drained()

    def on_readable(self) -> None:
        """Read from the socket."""
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

    def _stop_reading(self) -> None:
        fd = self._socket.fileno()
        self.group.poller.unwatch_reading(fd, until_half_closed=not self.group.framing.is_half_closed)
        if self._backlog is not None:
            self.on_blocked()

    def _start_reading(self) -> None:
        self.group.poller.watch_reading(self._socket.fileno())
        if self._backlog is not None:
            self.on_blocked()

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
    """A connection on Tornado's IOStream: TLS, and event loops that do not watch sockets (Windows)."""

    __slots__ = ("_is_handled", "_stream")

    def __init__(self, group: ConnectionGroup, stream: IOStream) -> None:
        super().__init__(group)
        self._stream = stream
        self._is_handled: Future[None] = group.loop.create_future()  # nothing is held any more
        self.write = self._write

    @property
    def sock(self) -> socket.socket | None:
        return None if self._stream.closed() else self._stream.socket

    async def read_until_end(self) -> None:
        """Read until the connection ends. What is read is handled at once, or in turns."""
        turns = self.group.turns
        try:
            while True:
                data = await self._stream.read_bytes(READ_BYTES, partial=True)
                if turns.is_busy or self._is_stopped:
                    self.heard = True
                    self._undecoded = data
                    self._hold(self._held)
                    turns.add(self)
                else:
                    self.group.scheduler.cork()
                    self.on_bytes(data)
                    self.group.scheduler.uncork()  # at once: the stream may close after it
                if self._is_stopped:
                    self._is_handled = self.group.loop.create_future()
                    await self._is_handled
                else:
                    await asyncio.sleep(0)  # a client that never pauses must not block the event loop
        except StreamClosedError:
            self.on_end()

    def on_readable(self) -> None:
        """Do nothing: what is read is handled in a turn, and nothing is held now."""

    def _stop_reading(self) -> None:
        pass  # what is held is handled before the next read

    def _start_reading(self) -> None:
        if not self._is_handled.done():
            self._is_handled.set_result(None)

    def on_blocked(self) -> None:
        """Do nothing: :meth:`_on_written` continues when the stream has written its buffer."""

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
        return False  # at the end of a stream Tornado has closed it already

    def _shut_down_writing(self) -> None:
        # TLS has no half-close that all clients support; a closed stream has no socket.
        if not isinstance(self._stream, SSLIOStream) and not self._stream.closed():
            self._half_close(self._stream.socket)

    def _close_transport(self) -> None:
        self._stream.close()
        self._start_reading()  # which then reports the end
