"""A connection without a socket: frames, timeouts and errors."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    ServerFrame,
    client_frame,
    close,
    server_frames,
    text,
)
from scripted_transport import ScriptedTransport
from tornado.iostream import IOStream, StreamClosedError

from chateau.net.accept import detach_socket
from chateau.net.connection import Connection, SocketConnection, StreamConnection
from chateau.net.connection_group import ConnectionGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from captured_log import Log
    from tornado.ioloop import IOLoop

    from chateau.net.frames import Received

LIMIT = 2_000


class EchoPeer:
    """Echo every message; raise an exception on ``fail``."""

    def __init__(self, outbox: Any) -> None:
        self.outbox = outbox
        self.received: list[str | bytes] = []

    def on_open(self) -> None:
        pass

    def on_excess(self, message: str | bytes) -> None:
        self.outbox.send(b"too many")

    def on_text(self, text: str) -> None:
        self.received.append(text)
        if text == "fail":
            raise ZeroDivisionError
        self.outbox.send(text.encode())

    def on_binary(self, payload: bytes) -> None:
        self.received.append(payload)

    def on_close(self) -> None:
        self.received.append("closed")


class EchoEndpoint:
    def __init__(self) -> None:
        self.peers: list[EchoPeer] = []

    def open(self, outbox: Any, address: str, port: int) -> EchoPeer:
        self.peers.append(EchoPeer(outbox))
        return self.peers[-1]


class EchoConnection:
    """One connection to an `EchoPeer`."""

    def __init__(self, group: ConnectionGroup) -> None:
        endpoint = EchoEndpoint()
        self.group = group
        self.connection = ScriptedTransport(group)
        self.connection.open(endpoint.open, "127.0.0.1", 50_000)
        self.peer = endpoint.peers[0]

    def feed(self, sent: bytes) -> list[ServerFrame]:
        """Return what the server sends in one iteration after it receives *sent*."""
        self.group.scheduler.cork()
        self.connection.on_bytes(sent)
        self.group.scheduler.uncork()
        return self.sent()

    def sent(self) -> list[ServerFrame]:
        frames = server_frames(self.connection.sent)
        self.connection.sent.clear()
        return frames


@pytest.fixture
def group(io_loop: IOLoop) -> Iterator[ConnectionGroup]:
    group = ConnectionGroup(io_loop.asyncio_loop, max_frame=LIMIT)  # type: ignore[attr-defined]
    yield group
    for connection in list(group.connections):
        connection.abort()
    group.poller.close()


@pytest.fixture
def echo(group: ConnectionGroup) -> EchoConnection:
    return EchoConnection(group)


@pytest.fixture
def run_iteration(group: ConnectionGroup) -> Callable[[], None]:
    """Return a function that runs one iteration of the event loop."""

    def run_iteration() -> None:
        group.loop.run_until_complete(asyncio.sleep(0))
        group.loop.run_until_complete(asyncio.sleep(0))

    return run_iteration


def close_frame(code: int, reason: str = "") -> ServerFrame:
    return ServerFrame(CLOSE, code.to_bytes(2) + reason.encode())


def test_text_and_binary_messages_reach_the_peer(echo: EchoConnection) -> None:
    sent = echo.feed(text("one") + client_frame(BINARY, b"two"))

    assert echo.peer.received == ["one", b"two"]
    assert sent == [ServerFrame(TEXT, b"one")]


def test_peer_is_notified_of_the_end_once_and_last(echo: EchoConnection) -> None:
    echo.feed(text("one") + close(1000) + text("two"))
    echo.connection.on_end()
    echo.connection.abort()

    assert echo.peer.received == ["one", "closed"]
    assert echo.connection.is_gone
    assert not echo.group.connections


def test_sending_on_a_lost_connection_is_ignored(
    echo: EchoConnection, run_iteration: Callable[[], None]
) -> None:
    echo.connection.on_end()

    echo.peer.outbox.send(b"too late")
    echo.connection.ping()
    run_iteration()

    assert echo.sent() == []


def test_no_message_follows_a_close_frame(echo: EchoConnection, run_iteration: Callable[[], None]) -> None:
    echo.connection.disconnect(4000, "enough")

    echo.peer.outbox.send(b"an answer that had to wait")
    run_iteration()

    assert echo.sent() == [close_frame(4000, "enough")]


def test_exception_of_a_peer_is_logged_once_and_closes_the_connection(echo: EchoConnection, log: Log) -> None:
    sent = echo.feed(text("fail") + text("one"))

    assert sent == [close_frame(1011, "internal error")]
    assert echo.peer.received == ["fail", "closed"]
    assert log.records[0].exc_info is not None
    assert log.taken() == ["a connection failed and is closed"]


def test_frames_after_a_close_are_ignored_except_the_close_reply(
    echo: EchoConnection, run_iteration: Callable[[], None]
) -> None:
    echo.group.scheduler.cork()
    echo.connection.disconnect(4000, "enough")
    echo.group.scheduler.uncork()
    assert echo.sent() == [close_frame(4000, "enough")]

    assert echo.feed(text("one") + client_frame(BINARY, b"two") + client_frame(PING, b"three")) == []
    echo.connection.disconnect(4001, "more than enough")
    assert not echo.connection.is_gone
    assert echo.feed(close(4000)) == []
    run_iteration()

    assert echo.peer.received == ["closed"]
    assert echo.connection.is_gone


def test_violation_after_a_close_is_not_reported(echo: EchoConnection) -> None:
    echo.group.scheduler.cork()
    echo.connection.disconnect(4000, "enough")
    echo.group.scheduler.uncork()
    echo.sent()

    assert echo.feed(client_frame(0x3)) == []


def test_client_that_does_not_reply_to_a_close_is_disconnected(
    echo: EchoConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 0.01)
    echo.connection.disconnect(4000, "enough")

    echo.group.loop.run_until_complete(asyncio.sleep(0.02))

    assert echo.connection.is_gone


def test_input_is_discarded_for_a_while_after_a_violation(
    echo: EchoConnection, monkeypatch: pytest.MonkeyPatch, run_iteration: Callable[[], None]
) -> None:
    monkeypatch.setattr("chateau.net.connection.LINGER_SECONDS", 0.05)

    echo.feed(client_frame(0x3))
    run_iteration()
    assert not echo.connection.is_gone
    assert echo.feed(text("one")) == []
    echo.group.loop.run_until_complete(asyncio.sleep(0.1))

    assert echo.connection.is_gone


def test_client_may_close_the_connection_after_its_violation(
    echo: EchoConnection, run_iteration: Callable[[], None]
) -> None:
    echo.feed(client_frame(0x3))
    echo.connection.on_end()
    run_iteration()

    assert echo.connection.is_gone
    assert echo.peer.received == ["closed"]


def test_lost_connection_ends(echo: EchoConnection) -> None:
    echo.connection.on_lost(BrokenPipeError())

    assert echo.connection.is_gone
    assert echo.peer.received == ["closed"]


def test_broadcast_is_framed_once(group: ConnectionGroup) -> None:
    lines = [EchoConnection(group) for _ in range(3)]

    group.scheduler.cork()
    group.broadcast(b"hello", [echo.connection for echo in lines])
    frames = [echo.connection.frames for echo in lines]
    group.scheduler.uncork()

    assert all(frame is not None and frame[0] is frames[0][0] for frame in frames)  # type: ignore[index]
    assert [echo.sent() for echo in lines] == [[ServerFrame(TEXT, b"hello")]] * 3


def test_slow_consumer_is_disconnected_once(
    group: ConnectionGroup, run_iteration: Callable[[], None]
) -> None:
    group.max_outbox = 20
    echo = EchoConnection(group)
    writes = echo.connection.write
    echo.connection.write = lambda batch: 0

    for _ in range(3):
        echo.feed(text("x" * 15))  # the third one finds the close frame queued
        run_iteration()
    assert echo.peer.received == ["x" * 15, "x" * 15, "closed"]
    echo.connection.write = writes
    echo.connection.drain()

    assert echo.sent() == [close_frame(1008, "slow consumer")]


def test_close_frame_may_overflow_the_backlog(
    group: ConnectionGroup, run_iteration: Callable[[], None]
) -> None:
    group.max_outbox = 20
    echo = EchoConnection(group)
    writes = echo.connection.write
    echo.connection.write = lambda batch: 0

    echo.feed(text("x" * 18))
    echo.connection.disconnect(4000, "enough")
    run_iteration()
    echo.connection.write = writes
    echo.connection.drain()

    assert echo.sent() == [ServerFrame(TEXT, b"x" * 18), close_frame(4000, "enough")]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The socket of the server and that of the client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def test_spurious_readable_event_is_ignored(group: ConnectionGroup, pair: Pair) -> None:
    endpoint = EchoEndpoint()
    connection = SocketConnection(group, pair[0])
    connection.open(endpoint.open, "127.0.0.1", 50_000)

    connection.on_readable()

    assert endpoint.peers[0].received == []
    assert group.connections == {connection}


def test_sending_on_a_closed_stream_ends_the_connection(
    group: ConnectionGroup, pair: Pair, run_iteration: Callable[[], None]
) -> None:
    async def opened() -> IOStream:
        return IOStream(pair[0])

    stream = group.loop.run_until_complete(opened())
    endpoint = EchoEndpoint()
    connection = StreamConnection(group, stream)
    connection.open(endpoint.open, "127.0.0.1", 50_000)

    stream.close()
    connection.send(b"hello")
    run_iteration()

    assert endpoint.peers[0].received == ["closed"]
    assert not group.connections


def test_busy_client_does_not_block_the_event_loop(group: ConnectionGroup, pair: Pair) -> None:
    happened: list[str] = []

    class Noting(StreamConnection):
        __slots__ = ()

        def _handle(self, messages: Sequence[Received], now: float) -> None:
            happened.append("read")

    async def read() -> None:
        connection = Noting(group, IOStream(pair[0], read_chunk_size=10))
        pair[1].sendall(bytes(1_000))
        pair[1].close()
        reading = asyncio.create_task(connection.read_until_end())
        while not reading.done():
            happened.append("tick")
            await asyncio.sleep(0)

    group.loop.run_until_complete(read())

    assert happened.count("read") > 10
    assert "read read" not in " ".join(happened)


def test_socket_of_a_lost_connection_is_not_released(group: ConnectionGroup, pair: Pair) -> None:
    async def release() -> None:
        stream = IOStream(pair[0])
        pair[1].close()
        detach_socket(stream)

    with pytest.raises(StreamClosedError):
        group.loop.run_until_complete(release())


def test_base_connection_does_not_implement_the_transport(group: ConnectionGroup) -> None:
    connection = Connection(group)

    for missing in (connection._shut_down_writing, connection._close_transport):
        with pytest.raises(NotImplementedError):
            missing()
