"""A client's connection: it moves bytes between TCP or TLS and a framing, and reports every entry.

Entries are reported in the order on the wire, with two guarantees: a frame that is sent is reported before it
is written, and the close of the server is the last entry that is received.
Writes are sent at once (asyncio sets TCP_NODELAY), so that two writes with a pause between them are two
segments.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from chateau.client.transcript import ABORTED, HALF_CLOSED, Direction, Entry, OnEntry, Opcode
from chateau.client.transports.framing import Framing, LineFraming, Step
from chateau.client.transports.target import (
    CannotConnect,
    ConnectionClosed,
    NotPossible,
    Refused,
    Target,
    address_of,
    connect,
    open_payload,
)

CLOSING_SECONDS = 2.0  # for the server to disconnect after both sides have closed
PAUSE_SECONDS = 0.01  # between the pieces of a write
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds
MAX_UNREAD_BYTES = 16 * 2**20  # a server that pings and does not read receives no more pongs

Split = int | Sequence[int] | None


async def open_connection(
    client: str, target: Target, on_entry: OnEntry, timeout_seconds: float = 5.0
) -> "Connection":
    """Connect *client* to *target*. The caller has to call :meth:`Connection.abort` in the end.

    *on_entry* is called with every entry and must not raise.

    Raises:
        CannotConnect: no server listens there, it rejected the handshake, or it sent nothing for
            *timeout_seconds*.
    """
    address = address_of(target.url)
    is_connected = False
    try:
        framing = _framing(address.scheme, target)
        connection = Connection(client, target, framing, on_entry)
        create = partial(asyncio.get_running_loop().create_connection, lambda: connection)
        try:
            async with asyncio.timeout(timeout_seconds):
                await connect(create, address, target.local_address)
                is_connected = True
                await connection.wait_opened()
        except TimeoutError:
            status = framing.handshake_status() if is_connected else "there is no connection"
            raise Refused(f"{status} (waited {timeout_seconds:g} s)") from None
    except Refused as exc:
        raise CannotConnect(target.url, exc.reason, exc.status) from exc
    return connection


def _framing(scheme: str, target: Target) -> Framing:
    match scheme:
        case "ws" | "wss":
            from chateau.client.transports.websocket import WebSocketFraming

            return WebSocketFraming(target)
        case "http" | "https":
            from chateau.client.transports.http import EventStreamFraming

            return EventStreamFraming(target)
    return LineFraming(target.line_end)


class Connection(asyncio.Protocol):
    """An open connection; see :func:`open_connection`."""

    _transport: asyncio.Transport

    def __init__(self, client: str, target: Target, framing: Framing, on_entry: OnEntry) -> None:
        self.client = client
        self.target = target
        self._framing = framing
        self._on_entry = on_entry
        self._opened = asyncio.Event()  # or refused
        self._refused: Refused | None = None
        self._closed = asyncio.Event()  # by the server
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._write_lock = asyncio.Lock()
        self._is_writing_pieces = False  # nothing may be written between them
        self._deferred: list[Step] = []  # until all pieces are written
        self._is_half_closed = False
        self._is_write_closed = False

    @property
    def is_open(self) -> bool:
        """Return whether neither side has closed; a half-closed connection is open."""
        return self._opened.is_set() and not self._is_write_closed and not self._closed.is_set()

    @property
    def protocol_error(self) -> str | None:
        """Return how the server broke the framing and so ended the connection."""
        return self._framing.protocol_error

    async def wait_opened(self) -> None:
        """Wait until the handshake is complete. Raises :class:`Refused`."""
        try:
            await self._opened.wait()
            if self._refused:
                raise self._refused
        except BaseException:
            self._closed.set()
            self._transport.abort()
            raise

    async def send(
        self, opcode: Opcode, payload: bytes, split: Split = None, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """Send one frame or line; with *split*, in pieces of that many bytes, or cut at these offsets.

        Raises:
            ConnectionClosed: the connection is closed or lost.
            NotPossible: this kind of connection has no such frame.
        """
        data = self._framing.frame(opcode, payload)
        async with self._write_lock:
            if not self.is_open:
                raise ConnectionClosed(f"{self.client}'s connection is closed")
            await self._write(opcode, payload, data, split, pause_seconds)

    async def send_raw(self, data: bytes, split: Split = None, pause_seconds: float = PAUSE_SECONDS) -> None:
        """Write *data* without framing, also after a close frame.

        Raises:
            ConnectionClosed: the connection is lost, or closed on this side.
        """
        async with self._write_lock:
            await self._write(Opcode.RAW, data, data, split, pause_seconds)

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close: send the close frame of a WebSocket, else close the sending side. Idempotent.

        Frames that the server still sends are reported. Raises :class:`NotPossible` for an invalid code.
        """
        async with self._write_lock:
            if not self.is_open:
                return
            step = self._framing.close(code, reason)
            self._is_write_closed = True
            if self._is_half_closed:
                return
            if step is not None:
                self._send_step(step)
                return
            self._record(Direction.SENT, Opcode.CLOSE, b"")
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    async def half_close(self) -> None:
        """Close the sending side and continue to read.

        Raises:
            ConnectionClosed: the connection is closed.
            NotPossible: it is TLS.
        """
        async with self._write_lock:
            self._check_writable()
            if not self._transport.can_write_eof():
                raise NotPossible("a TLS connection cannot be half closed: closing it ends both directions")
            self._record(Direction.SENT, Opcode.CLOSE, HALF_CLOSED)
            self._is_half_closed = True
            self._transport.write_eof()

    def abort(self) -> None:
        """End the connection now, by a reset if it is open. Nothing is reported after it."""
        if self.is_open:
            self._record(Direction.SENT, Opcode.CLOSE, ABORTED)
            if not self._transport.is_closing():
                tcp: socket.socket = self._transport.get_extra_info("socket")
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()
        self._is_write_closed = True
        self._closed.set()

    async def wait_closed(self, timeout_seconds: float | None = None) -> None:
        """Wait until the server has closed or disconnected. Raises :class:`TimeoutError`."""
        async with asyncio.timeout(timeout_seconds):
            await self._closed.wait()

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # so that a write waits for all bytes
        transport.write(self._framing.opening())
        self._take([])

    def data_received(self, data: bytes) -> None:
        if self._closed.is_set():
            return
        try:
            self._take(self._framing.receive(data))
        except Refused as exc:
            self._fail(exc)

    def eof_received(self) -> None:
        self._take_end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flushed.set()
        self._take_end(exc)

    def pause_writing(self) -> None:
        self._flushed.clear()

    def resume_writing(self) -> None:
        self._flushed.set()

    # Internals

    def _take_end(self, error: Exception | None) -> None:
        """Handle the end: the server closed its side, or the connection is lost."""
        if not self._closed.is_set():
            try:
                self._take(self._framing.end())
            except Refused as exc:
                reset = Refused("the server reset the connection during the handshake")
                self._fail(reset if isinstance(error, ConnectionResetError) and exc.status is None else exc)
            else:
                self._end()
        self._transport.close()

    def _take(self, steps: list[Step]) -> None:
        if self._framing.is_ready and not self._opened.is_set():
            self._record(Direction.SENT, Opcode.OPEN, open_payload(self.target))
            self._opened.set()
        for step in steps:
            if step.direction is Direction.SENT:
                self._send_step(step)
            else:
                self._record(*step[:3])
                if step.opcode is Opcode.CLOSE:
                    self._closed.set()
        if self._framing.is_over:
            self._end()

    def _fail(self, refused: Refused) -> None:
        self._refused = refused
        self._closed.set()
        self._opened.set()
        self._transport.close()

    def _end(self) -> None:
        """End the connection once the framing is over: no later bytes count."""
        if not self._closed.is_set():
            self._record(Direction.RECEIVED, Opcode.CLOSE, b"")
            self._closed.set()
        if self.protocol_error is None and not self._transport.is_closing():
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._transport.close)
        else:
            self._transport.close()

    def _send_step(self, step: Step) -> None:
        """Send a frame of the framing itself, but not between the pieces of a write."""
        if self._is_writing_pieces:
            self._deferred.append(step)
        elif not self._is_half_closed and self._transport.get_write_buffer_size() < MAX_UNREAD_BYTES:
            self._record(step.direction, step.opcode, step.payload)
            self._write_now(step.data)

    async def _write(
        self, opcode: Opcode, payload: bytes, data: bytes, split: Split, pause_seconds: float
    ) -> None:
        self._check_writable()
        self._record(Direction.SENT, opcode, payload)
        self._is_writing_pieces = split is not None
        try:
            for index, piece in enumerate(_pieces(data, split)):
                if index:
                    await asyncio.sleep(pause_seconds)
                self._write_now(piece)
                await self._flushed.wait()
        finally:
            self._is_writing_pieces = False
            deferred, self._deferred = self._deferred, []
            for step in deferred:
                self._send_step(step)

    def _write_now(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def _check_writable(self) -> None:
        if self._is_half_closed or self._transport.is_closing():
            raise ConnectionClosed(f"{self.client}'s connection is closed")

    def _record(self, direction: Direction, opcode: Opcode, payload: bytes) -> None:
        self._on_entry(Entry(time.time(), self.client, direction, opcode, payload))


def _pieces(data: bytes, split: Split) -> list[bytes]:
    if isinstance(split, int):
        split = range(split, len(data), split) if split > 0 else ()
    offsets = sorted({offset for offset in split or () if 0 < offset < len(data)})
    return [data[start:end] for start, end in pairwise([0, *offsets, len(data)])]
