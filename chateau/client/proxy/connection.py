"""Connections through the proxy: listening, one connection to the server per client, and how it ends."""

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Self

from chateau.client.proxy.codec import (
    HEAD_END,
    MAX_HEAD_BYTES,
    TLS_HANDSHAKE,
    WireProtocol,
    bad_gateway,
    detect_protocol,
    is_switching,
    parse_handshake,
    raw_frame,
)
from chateau.client.proxy.display import QuietDisplay
from chateau.client.proxy.faults import FaultConfig, Faults
from chateau.client.proxy.pipe import (
    CONNECT_SECONDS,
    ConnectionOver,
    Pipe,
    SocketStream,
    cancel,
    connect,
)
from chateau.client.proxy.recorder import Observer
from chateau.client.transcript import Direction, OnEntry

FIRST_BYTES_SECONDS = 1.0  # for a client to send a request, if the server cannot be reached
ACCEPT_PAUSE_SECONDS = 0.2  # after a client could not be accepted

SCHEMES = {WireProtocol.LINES: "tcp", WireProtocol.BYTES: "tls"}
ONLY = "it passes as bytes; only the faults delay, stall, half-close, close and reset work"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The address of the server, and its protocol; None if the first bytes of each client show it."""

    host: str
    port: int
    protocol: WireProtocol | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class CannotListen(Exception):
    """Listening at an address failed; the text names it and the reason."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listening socket, and the server that its clients are connected to."""

    listening: socket.socket
    upstream: Upstream

    @property
    def address(self) -> str:
        host, port = self.listening.getsockname()[:2]
        return str(Upstream(host, port))


def listen(host: str, port: int, upstream: Upstream) -> Endpoint:
    """Listen at *host* and *port*; 0 is any free port.

    Raises:
        CannotListen: it is in use, or is not an address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        listening = socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError, OverflowError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise CannotListen(f"cannot listen at {host}:{port}: {reason}") from exc
    listening.setblocking(False)
    return Endpoint(listening, upstream)


@dataclass
class Proxy:
    """All endpoints and their connections, as an ``async with`` block.

    Connections are numbered from 1 in the order in which they arrive, over all endpoints.
    """

    endpoints: Sequence[Endpoint]
    config: FaultConfig
    display: QuietDisplay
    record: OnEntry | None

    async def __aenter__(self) -> Self:
        self._numbers = count(1)
        self._tasks = {asyncio.create_task(self._accept(endpoint)) for endpoint in self.endpoints}
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        await cancel(*self._tasks)
        for endpoint in self.endpoints:
            endpoint.listening.close()

    async def _accept(self, endpoint: Endpoint) -> None:
        while True:
            try:
                client, _ = await asyncio.get_running_loop().sock_accept(endpoint.listening)
            except OSError as exc:  # no more file descriptors, or the client has disconnected already
                self.display.error(f"a client could not be accepted: {exc.strerror}")
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            task = asyncio.create_task(self._serve(SocketStream(client), endpoint.upstream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: SocketStream, upstream: Upstream) -> None:
        observer = Observer(next(self._numbers), self.display, self.record)
        try:
            await ProxiedConnection(client, upstream, self.config, observer).run()
        except Exception as exc:  # a bug of the proxy ends this connection only
            observer.error(f"the proxy failed: {exc!r}")


@dataclass
class ProxiedConnection:
    """One client, and its connection to the server."""

    client: SocketStream
    upstream: Upstream
    config: FaultConfig
    observer: Observer

    async def run(self) -> None:
        """Move everything in both directions, then close both sockets."""
        try:
            server = await connect(self.upstream.host, self.upstream.port)
        except OSError as exc:
            await self._report_unreachable(exc)
        else:
            await self._proxy(server)
        finally:
            self.client.close()

    async def _report_unreachable(self, exc: OSError) -> None:
        """Report that the server cannot be reached; a client that uses HTTP receives a 502."""
        sentence = f"The server at {self.upstream} cannot be reached: {_reason(exc)}."
        self.observer.error(sentence)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(FIRST_BYTES_SECONDS):
                if await self._detect(None) is WireProtocol.HTTP:
                    await _read_head(self.client)
                    await self.client.write(bad_gateway(sentence))
        await self.client.close_gracefully()

    async def _proxy(self, server: SocketStream) -> None:
        try:
            await self._move(await self._open(server), server)
        except ConnectionOver:
            self.observer.write_ended(Direction.RECEIVED, faults=("closed",))
            await asyncio.gather(self.client.close_gracefully(), server.close_gracefully())
        except OSError:
            self.observer.write_ended(Direction.RECEIVED, "reset")
            self.client.reset()
            server.reset()
        finally:
            server.close()

    async def _open(self, server: SocketStream) -> WireProtocol:
        """Pass a handshake on, if there is one, and return the protocol."""
        protocol = self.upstream.protocol
        if protocol is not WireProtocol.BYTES:
            protocol = await self._detect(server)
        if protocol is WireProtocol.HTTP:
            return await self._open_http(server)
        self.observer.opened(protocol, f"{SCHEMES[protocol]}://{self.upstream}")
        if protocol is WireProtocol.BYTES:
            self.observer.error(f"this is TLS: its frames cannot be shown or recorded; {ONLY}")
        return protocol

    async def _detect(self, server: SocketStream | None) -> WireProtocol:
        """Detect the protocol; it is lines if the server sends first, or the client sends nothing."""
        first = b""
        while (protocol := self._protocol_of(first)) is None:
            if server and await _sends_first(server, before=self.client):
                break
            if not (received := await self.client.read()):
                break
            first += received
        self.client.unread(first)
        return protocol or WireProtocol.LINES

    def _protocol_of(self, first: bytes) -> WireProtocol | None:
        if self.upstream.protocol is WireProtocol.LINES and first[:1] not in {b"", bytes([TLS_HANDSHAKE])}:
            return WireProtocol.LINES
        return detect_protocol(first)

    async def _open_http(self, server: SocketStream) -> WireProtocol:
        head = await _read_head(self.client)
        handshake = parse_handshake(head)
        if handshake is None:
            self.client.unread(head)
            return self._open_plain_http()
        await server.write(handshake.head)
        response = await self._read_response(server)
        if is_switching(response):
            await self.client.write(response)
            self.observer.opened(WireProtocol.WEBSOCKET, f"ws://{self.upstream}", handshake.path)
            return WireProtocol.WEBSOCKET
        server.unread(response)
        self._open_plain_http()
        self.observer.read(Direction.SENT, raw_frame(handshake.head))
        return WireProtocol.HTTP

    def _open_plain_http(self) -> WireProtocol:
        self.observer.opened(WireProtocol.HTTP, f"http://{self.upstream}")
        if any(self._faults(direction, WireProtocol.HTTP).need_frames for direction in Direction):
            self.observer.error(f"this is plain HTTP: {ONLY}")
        return WireProtocol.HTTP

    async def _read_response(self, server: SocketStream) -> bytes:
        """Read the head of the response to a handshake; a client that disconnects meanwhile is noticed."""
        watching = asyncio.create_task(self._watch_client(server))
        try:
            return await _read_head(server)
        finally:
            await cancel(watching)

    async def _watch_client(self, server: SocketStream) -> None:
        await self.client.readable()
        if self.client.is_at_end():
            server.close_write()

    async def _move(self, protocol: WireProtocol, server: SocketStream) -> None:
        """Move both directions to their ends.

        Raises:
            OSError: one side broke the connection, or a fault resets it.
            ConnectionOver: a fault closes it.
        """
        pipes = [self._pipe(direction, protocol, server) for direction in Direction]
        moving = [asyncio.create_task(pipe.run()) for pipe in pipes]
        try:
            await asyncio.gather(*moving)
        finally:
            await cancel(*moving)
        if any(pipe.is_broken for pipe in pipes):
            raise BrokenPipeError

    def _pipe(self, direction: Direction, protocol: WireProtocol, server: SocketStream) -> Pipe:
        is_sent = direction is Direction.SENT
        source, sink = (self.client, server) if is_sent else (server, self.client)
        return Pipe(direction, protocol, source, sink, self._faults(direction, protocol), self.observer)

    def _faults(self, direction: Direction, protocol: WireProtocol) -> Faults:
        return Faults(self.config, self.observer.connection, direction, protocol)


async def _sends_first(stream: SocketStream, *, before: SocketStream) -> bool:
    """Wait until either is readable; return whether *stream* is and *before* is not."""
    waiting = [asyncio.create_task(before.readable()), asyncio.create_task(stream.readable())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return not waiting[0].done()
    finally:
        await cancel(*waiting)


async def _read_head(stream: SocketStream) -> bytes:
    """Read the head of the next HTTP message; the bytes instead if it is not HTTP."""
    received = b""
    while HEAD_END not in received and len(received) < MAX_HEAD_BYTES:
        if not (more := await stream.read()):
            break
        received += more
    head, end, rest = received.partition(HEAD_END)
    stream.unread(rest)
    return head + end


def _reason(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return f"no response within {CONNECT_SECONDS:g} s"
    return os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror or str(exc)
