"""Pipes: one direction of a connection, from the socket that sends, through the faults, to the other socket.

Where no fault is possible, bytes pass at once and are only observed. Where one is, whole frames are passed.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chateau.client.proxy.codec import DIRECTION_NAMES, Frame, WireProtocol, close_frame, codec_for
from chateau.client.proxy.faults import NO_FAULT, Ending, Faults
from chateau.client.proxy.recorder import Observer
from chateau.client.proxy.schedule import Backlog, Write, WriteScheduler
from chateau.client.transcript import Direction

READ_BYTES = 64 * 1024
CLOSING_SECONDS = 1.0
CONNECT_SECONDS = 10.0
HOLD_SECONDS = 0.5  # maximum time for which a frame waits for others
CUT_PAUSE_SECONDS = 0.005  # so that pieces arrive separately
NOT_PASSED = ("not passed on",)  # the faults of a frame that was read after an ending


class SocketStream:
    """The socket to the client, or to the server, read and written without a buffer.

    A slow reader slows down the sender at the other end, and bytes sent before a connection broke can still
    be read.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._unread = b""
        self._is_write_closed = False
        connected.setblocking(False)
        with contextlib.suppress(OSError):  # the peer may have disconnected already
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def read(self) -> bytes:
        """Return the next bytes; empty at the end.

        Raises:
            OSError: the connection broke.
        """
        if unread := self._unread:
            self._unread = b""
            return unread
        await asyncio.sleep(0)  # a socket that is always readable must not starve the others
        return await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)

    def unread(self, received: bytes) -> None:
        """Return *received* from the next :meth:`read`, first."""
        self._unread = received + self._unread

    async def readable(self) -> None:
        """Wait for bytes or the end. May be cancelled: nothing is lost."""
        loop, found = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, found.set)
        try:
            await found.wait()
        finally:
            loop.remove_reader(self._socket)

    def is_at_end(self) -> bool:
        """Return whether the next read returns the end."""
        try:
            return not self._unread and not self._socket.recv(1, socket.MSG_PEEK)
        except OSError as exc:
            return not isinstance(exc, BlockingIOError)

    async def write(self, content: bytes) -> None:
        """Write all of *content*, as fast as the peer reads.

        Raises:
            OSError: the connection broke.
        """
        await asyncio.get_running_loop().sock_sendall(self._socket, content)

    def close_write(self) -> None:
        """Close the sending side. Idempotent."""
        if not self._is_write_closed:
            self._is_write_closed = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    async def close_gracefully(self) -> None:
        """Close the sending side and wait briefly for the peer: closing with unread bytes sends a reset."""
        self.close_write()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                while await self.read():
                    pass

    def reset(self) -> None:
        """Close with a TCP reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


async def connect(host: str, port: int) -> SocketStream:
    """Connect to the first address of *host* that accepts.

    Raises:
        OSError: none does.
    """
    async with asyncio.timeout(CONNECT_SECONDS):  # a TimeoutError is an OSError
        loop = asyncio.get_running_loop()
        failures = []
        for family, kind, number, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            tried = socket.socket(family, kind, number)
            tried.setblocking(False)
            try:
                await loop.sock_connect(tried, address)
                return SocketStream(tried)
            except BaseException as exc:
                tried.close()
                if not isinstance(exc, OSError):
                    raise
                failures.append(exc)
        raise failures[0] if failures else OSError(f"{host} has no address")


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel *tasks* and wait for their ends, whatever these are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class ConnectionOver(Exception):
    """A fault closes the whole connection."""


@dataclass
class Pipe:
    """One direction of a connection."""

    direction: Direction
    protocol: WireProtocol
    source: SocketStream
    sink: SocketStream
    faults: Faults
    observer: Observer
    is_broken = False  # the sink disconnected without closing
    _has_reported_error = False
    _ending: Ending | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._codec = codec_for(self.protocol, self.direction)
        self._scheduler = WriteScheduler()
        self._backlog = Backlog()

    async def run(self) -> None:
        """Move everything, until the end of the stream.

        Raises:
            OSError: the source broke the connection, or a fault resets it.
            ConnectionOver: a fault closes it.
        """
        if self.faults.is_none:
            await self._pass_bytes()
            return
        reading = asyncio.create_task(self._read())
        try:
            await self._write()
            if self._ending:
                await reading
        finally:
            await cancel(reading)

    async def _pass_bytes(self) -> None:
        while received := await self._receive():
            for frame in self._decode(received):
                self.observer.passed(self.direction, frame)
            if not await self._try_to_write(received):
                return
        for frame in self._decode(b""):
            self.observer.passed(self.direction, frame)
        self.observer.read_ended(self.direction)
        self._close_sink()

    async def _read(self) -> None:
        """Fill the backlog; after an ending, only observe."""
        try:
            while received := await self._receive():
                self._put(self._decode(received))
                await self._backlog.room.wait()
        except Exception as exc:
            self._backlog.fail(exc)
            if self._ending:
                raise
            return
        self._put(self._decode(b""))
        self.observer.read_ended(self.direction)
        if self._ending is Ending.CLOSE:
            self._close_sink()
        self._backlog.put(None, NO_FAULT)

    async def _receive(self) -> bytes:
        try:
            return await self.source.read()
        except OSError:
            self.observer.read_ended(self.direction, by_reset=True)
            raise

    def _decode(self, received: bytes) -> list[Frame]:
        """Return the frames that *received*, or the end of the stream, completes."""
        frames = self._codec.feed(received) if received else self._codec.end()
        for frame in frames:
            self.observer.read(self.direction, frame)
        if self._codec.protocol_error and not self._has_reported_error:
            self._has_reported_error = True
            sender = "client" if self.direction is Direction.SENT else "server"
            self.observer.error(
                f"the frames of the {sender} cannot be read ({self._codec.protocol_error}): "
                "from here on, its bytes pass unchanged"
            )
        return frames

    def _put(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if self._ending:
                self.observer.passed(self.direction, frame, 0, NOT_PASSED)
            else:
                self._backlog.put(frame, self.faults.decide(frame))

    async def _write(self) -> None:
        """Empty the backlog, until the end of the stream or an ending."""
        deadline: float | None = None
        while not self._ending:
            queued = await self._backlog.next(deadline)
            if queued and queued.frame:
                writes = self._scheduler.put(queued.frame, queued.decision)
            else:
                writes = self._scheduler.flush()
            if not await self._write_all(writes):
                return
            if queued and queued.frame is None:
                self._close_sink()
                return
            if not self._scheduler.is_holding:
                deadline = None
            elif deadline is None:  # counted from the first frame that waits
                deadline = asyncio.get_running_loop().time() + HOLD_SECONDS
        for frame in self._backlog.clear():
            self.observer.passed(self.direction, frame, 0, NOT_PASSED)

    async def _write_all(self, writes: list[Write]) -> bool:
        """Return whether the sink is still connected."""
        for write in writes:
            for passed in write.passed:
                self.observer.passed(self.direction, passed.frame, passed.copies, passed.faults)
            for number, piece in enumerate(write.pieces):
                if number:
                    await asyncio.sleep(CUT_PAUSE_SECONDS)
                if not await self._try_to_write(piece):
                    return False
            if write.ending:
                await self._end(write.ending, write.code)
        return True

    async def _try_to_write(self, content: bytes) -> bool:
        try:
            await self.sink.write(content)
        except OSError:
            self.is_broken = True
        return not self.is_broken

    async def _end(self, ending: Ending, code: int) -> None:
        """End this direction by a fault, and the connection if the fault requires it."""
        self._ending = ending
        match ending:
            case Ending.HALF_CLOSE:
                self._close_sink("half-closed")
            case Ending.STALL:
                self.observer.error(f"stalled {DIRECTION_NAMES[self.direction]}: nothing passes any more")
            case Ending.RESET:
                raise ConnectionResetError
            case Ending.CLOSE if self.protocol is WireProtocol.WEBSOCKET and not self._codec.protocol_error:
                frame = close_frame(code, self.direction)
                self.observer.passed(self.direction, frame, faults=("injected",))
                await self._try_to_write(frame.raw)
            case Ending.CLOSE:
                raise ConnectionOver

    def _close_sink(self, *faults: str) -> None:
        self.sink.close_write()
        self.observer.write_ended(self.direction, faults=faults)
