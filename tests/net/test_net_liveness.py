"""Which clients are still there: the rules, and what they are sent, on each transport."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import CLOSE, PING, PONG, ServerFrame, client_frame, close, server_frames, text
from scripted_transport import ScriptedTransport

from chateau.net import liveness
from chateau.net.connection_group import ConnectionGroup
from chateau.net.framing import EVENT_STREAM, LINES
from chateau.net.liveness import CHECKED_AT_ONCE, check_liveness, keep_alive, probe_when_idle, tcp_peer
from chateau.net.proxies import TrustedProxies
from chateau.net.publish_connection import PUBLISHING

if TYPE_CHECKING:
    from live_harness import OpenServer
    from tornado.ioloop import IOLoop

INTERVAL = 30
ANSWERED = {"silent": INTERVAL * 10}
UNANSWERED = {"silent": INTERVAL * 2, "unacknowledged": 1}
PINGED = [ServerFrame(PING, b"")]
CLOSED = [ServerFrame(CLOSE, b"\x03\xf0ping timeout")]
BEHIND_A_PROXY = {"X_Forwarded_For": "192.0.2.7"}

is_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports acknowledgements")


class Peer:
    session = None

    def on_open(self) -> None:
        pass

    def on_text(self, text: str) -> None:
        pass

    def on_close(self) -> None:
        pass


class FakeSocket:
    """A socket whose TCP_INFO the test decides."""

    def __init__(self) -> None:
        self.info = b""
        self.options: dict[int, int] = {}

    def acknowledges(self, *, silent: float, unacknowledged: int = 0, probes: int = 0) -> None:
        """Set struct tcp_info as linux/tcp.h defines it: eight bytes, then numbers of four bytes."""
        numbers = [0] * 24
        numbers[4], numbers[12] = unacknowledged, int(silent * 1_000)
        self.info = struct.pack("=8B24I", 1, 0, 0, probes, 0, 0, 0, 0, *numbers)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        if not self.info:
            raise OSError
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO)
        return self.info[:size]


@pytest.fixture
def loop(io_loop: IOLoop) -> asyncio.AbstractEventLoop:
    return io_loop.asyncio_loop  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def client(loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    yield from connected(ConnectionGroup(loop))


def connected(group: ConnectionGroup) -> Iterator[Any]:
    connection = ScriptedTransport(group)
    connection.tcp = FakeSocket()
    connection.open(lambda *_: Peer(), "192.0.2.1", 50_000)  # type: ignore[arg-type, return-value]
    yield connection
    connection.abort()
    group.poller.close()


def checks(connection: Any, count: int) -> list[list[ServerFrame]]:
    """Check *count* times; return the frames that were sent at each."""
    sent = []
    for _ in range(count):
        check_liveness(connection, INTERVAL)
        connection.flush()
        sent.append(server_frames(connection.sent))
        connection.sent.clear()
    return sent


# TCP decides


@is_linux
@pytest.mark.parametrize(
    "info",
    [
        pytest.param(ANSWERED, id="nothing waits for an answer"),
        pytest.param({"silent": 0}, id="active"),
        pytest.param({"silent": INTERVAL - 1, "unacknowledged": 3}, id="data for less than an interval"),
        pytest.param({"silent": INTERVAL - 1, "probes": 1}, id="a probe for less than an interval"),
    ],
)
def test_client_whose_tcp_acknowledges_is_pinged_and_stays(client: Any, info: dict[str, float]) -> None:
    client.tcp.acknowledges(**info)

    assert checks(client, 20) == [PINGED] * 20, "it answers no ping, and stays"


@is_linux
@pytest.mark.parametrize(
    "info", [UNANSWERED, {"silent": INTERVAL * 2, "probes": 1}], ids=["data", "keepalive probe"]
)
def test_client_whose_tcp_acknowledges_nothing_is_gone(client: Any, info: dict[str, float]) -> None:
    client.tcp.acknowledges(**info)

    assert checks(client, 3) == [PINGED, CLOSED, []]


@is_linux
def test_probe_that_is_answered_a_moment_later_counts_as_answered(client: Any) -> None:
    for _ in range(5):
        client.tcp.acknowledges(silent=INTERVAL * 4, probes=1)  # the receive window is full
        assert checks(client, 1) == [PINGED]
        client.tcp.acknowledges(silent=INTERVAL)
        assert checks(client, 1) == [PINGED]


@is_linux
def test_frames_from_a_client_do_not_count_where_tcp_decides(client: Any) -> None:
    client.tcp.acknowledges(**UNANSWERED)
    client.on_bytes(text("hi"))

    assert checks(client, 2)[1] == CLOSED


@is_linux
@pytest.mark.parametrize("framing", [LINES, EVENT_STREAM, PUBLISHING], ids=["lines", "stream", "publish"])
def test_tcp_decides_where_there_are_no_pongs_even_behind_a_proxy(
    loop: asyncio.AbstractEventLoop, framing: Any
) -> None:
    for connection in connected(ConnectionGroup(loop, framing=framing)):
        connection.is_direct = False
        for _ in range(5):
            connection.tcp.acknowledges(**ANSWERED)
            check_liveness(connection, INTERVAL)
            assert not connection.is_ending
        connection.tcp.acknowledges(**UNANSWERED)
        check_liveness(connection, INTERVAL)
        check_liveness(connection, INTERVAL)
        assert connection.is_ending


def test_client_without_pongs_stays_where_tcp_is_not_known(loop: asyncio.AbstractEventLoop) -> None:
    for connection in connected(ConnectionGroup(loop, framing=LINES)):
        for _ in range(10):
            check_liveness(connection, INTERVAL)
        connection.flush()
        assert not connection.is_ending
        assert connection.sent == b"", "lines are sent no bytes"


def test_event_stream_receives_a_comment_at_every_check(loop: asyncio.AbstractEventLoop) -> None:
    for connection in connected(ConnectionGroup(loop, framing=EVENT_STREAM)):
        for _ in range(3):
            check_liveness(connection, INTERVAL)
        connection.flush()
        assert connection.sent == b":\n\n" * 3


@is_linux
def test_short_intervals_allow_for_keepalive_probes_after_whole_seconds(client: Any) -> None:
    client.tcp.acknowledges(silent=0.9, unacknowledged=1)

    for _ in range(10):
        check_liveness(client, 0.05)

    assert not client.is_ending


# Pongs decide


@pytest.fixture(params=["another system", "a proxy", "a short tcp_info", "a closed socket"])
def ponging(client: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of which TCP reports nothing."""
    client.tcp.acknowledges(silent=0)
    match request.param:
        case "another system":
            monkeypatch.setattr(liveness, "_HAS_TCP_INFO", False)
        case "a proxy":
            client.is_direct = False
        case "a short tcp_info":
            client.tcp.info = client.tcp.info[:40]
        case _:
            client.tcp = None
    return client


def test_client_that_answers_no_ping_is_closed_at_the_second(ponging: Any) -> None:
    assert checks(ponging, 4) == [PINGED, PINGED, CLOSED, []]


@pytest.mark.parametrize("sent", [client_frame(PONG), text("hi"), text("hi")[:1]], ids=repr)
def test_any_data_is_a_sign_of_life(ponging: Any, sent: bytes) -> None:
    for _ in range(6):
        ponging.on_bytes(sent) if len(sent) > 1 else setattr(ponging, "heard", True)
        assert checks(ponging, 2) == [PINGED, PINGED], "an active client is pinged, too"


# Keepalive probes


@pytest.mark.parametrize("seconds", [0.05, 1, 2, 7, 29.9, 30, 600])
def test_keepalive_probes_begin_after_an_interval_and_end_after_another(seconds: float) -> None:
    with socket.socket() as sock:
        probe_when_idle(sock, seconds)

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if sys.platform == "linux":
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            idle, between, count = (sock.getsockopt(socket.IPPROTO_TCP, option) for option in options)
            assert idle == max(int(seconds), 1), "within the interval"
            assert idle <= between * count < idle + between
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0


def test_no_probes_without_an_interval_or_a_socket() -> None:
    with socket.socket() as sock:
        probe_when_idle(sock, 0)
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    probe_when_idle(None, INTERVAL)


def test_unix_socket_has_no_tcp_peer_and_no_probes() -> None:
    one, other = socket.socketpair()
    with one, other:
        probe_when_idle(one, INTERVAL)
        assert tcp_peer(one) is None


@is_linux
def test_living_peer_owes_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as near, server.accept()[0] as far:
            far.sendall(b"hello")
            assert near.recv(10) == b"hello"
            peer = tcp_peer(far)
        assert peer is not None
        assert peer.silent_seconds < 1


# Proxies


@pytest.mark.parametrize(
    ("remote", "headers", "expected"),
    [
        ("192.0.2.1", {}, True),
        ("192.0.2.1", {"host": "a"}, True),
        ("10.0.0.1", {}, False),
        ("::ffff:10.0.0.1", {}, False),
        ("192.0.2.1", {"x-forwarded-for": "198.51.100.1"}, False),
        ("192.0.2.1", {"x-forwarded-for": ""}, False),
        ("192.0.2.1", {"via": "1.1 proxy"}, False),
        ("192.0.2.1", {"forwarded": "for=198.51.100.1"}, False),
    ],
)
def test_client_is_direct_unless_a_proxy_shows(remote: str, headers: dict[str, str], expected: bool) -> None:
    assert TrustedProxies(["10.0.0.0/8"]).is_direct(remote, headers) is expected


# A running server


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize(
    "headers", [BEHIND_A_PROXY, {"Via": "1.1 proxy"}, {"Forwarded": "for=192.0.2.7"}], ids=str
)
async def test_silent_client_behind_a_proxy_gets_two_pings_and_is_closed(
    open_server: OpenServer, headers: dict[str, str]
) -> None:
    harness = open_server(ping=0.05)
    client = await (await harness.connect()).upgrade(**headers)

    assert await client.receive() == ServerFrame(PING, b"")
    assert await client.receive() == ServerFrame(PING, b"")
    assert await client.closing() == (1008, "ping timeout")
    client.send(close(1008))
    assert await client.end() == b""


@pytest.mark.gen_test(timeout=20)
async def test_silent_client_of_a_trusted_proxy_is_closed(open_server: OpenServer) -> None:
    harness = open_server(ping=0.05, trusted_proxy=("127.0.0.1",), allow_host=("*",))
    client = await harness.client()

    assert b"ping timeout" in await client.end()


@pytest.mark.gen_test(timeout=20)
async def test_silent_client_that_does_not_reply_to_the_close_is_disconnected(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 0.05)
    harness = open_server(ping=0.05)
    client = await (await harness.connect()).upgrade(**BEHIND_A_PROXY)
    await client.enter("alice")

    rest = await client.end()

    assert b"ping timeout" in rest
    await harness.until(lambda: not harness.connections)


@pytest.mark.gen_test(timeout=20)
async def test_client_that_replies_to_pings_stays_connected(open_server: OpenServer) -> None:
    harness = open_server(ping=0.05)
    client = await (await harness.connect()).upgrade(**BEHIND_A_PROXY)

    await client.reply_to_pings(6)

    assert (await client.ask({"type": 1, "username": "alice"}))["status"] == 200


@is_linux
@pytest.mark.gen_test(timeout=20)
async def test_client_that_answers_no_ping_stays_while_its_system_answers(open_server: OpenServer) -> None:
    harness = open_server(ping=0.05)
    client = await harness.member("alice")

    await asyncio.sleep(2.5)

    assert harness.server.hub.usernames() == ["alice"]
    pings = 0
    while pings < 25:
        assert await client.receive() == ServerFrame(PING, b"")
        pings += 1


@pytest.mark.gen_test(timeout=20)
async def test_active_client_is_pinged_within_each_interval(open_server: OpenServer) -> None:
    harness = open_server(ping=0.2)
    client = await harness.client()
    began = time.monotonic()

    await client.reply_to_pings(5)

    assert time.monotonic() - began < 5 * 0.2 + 0.4


@pytest.mark.gen_test(timeout=20)
async def test_ping_interval_of_zero_disables_pings(open_server: OpenServer) -> None:
    harness = open_server(ping=0)
    client = await harness.client()

    assert len(harness.server._sweeps) == 1, "only that of request_timeout"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.receive()


@pytest.mark.gen_test(timeout=20)
async def test_many_clients_are_pinged_in_batches(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CHECKED_AT_ONCE >= 100
    monkeypatch.setattr(liveness, "CHECKED_AT_ONCE", 2)
    harness = open_server(ping=0.05)
    clients = [await harness.client() for _ in range(5)]

    for client in clients:
        await client.reply_to_pings(1)


@is_linux
@pytest.mark.gen_test(timeout=20)
async def test_sockets_of_all_kinds_are_probed(open_server: OpenServer) -> None:
    harness = open_server(ping=30)
    await harness.client()
    stream, publisher = await harness.connect(), await harness.connect()
    stream.send(stream.request("/channel/a/", Accept="text/event-stream"))
    await stream.response()
    for _ in range(2):
        publisher.send(b"POST /channel/a/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1")
        await publisher.response()

    connections = [each for group in harness.server._groups for each in group.connections]

    assert len(connections) == (3 if harness.transport == "fast" else 2)
    for connection in connections:
        assert connection.sock is not None
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


BLOCKED = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(sys.argv[2].encode())
print(sock.recv(1000)[:12], flush=True)
sys.stdin.read()
"""
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@is_linux
@pytest.mark.parametrize("transport", ["fast", "tornado"], indirect=True)  # the program does not use TLS
@pytest.mark.gen_test(timeout=20)
async def test_stopped_process_stays_connected(open_server: OpenServer) -> None:
    harness = open_server(ping=0.05)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", BLOCKED, str(harness.port), HANDSHAKE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert b"101" in await process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)

        await asyncio.sleep(2.5)

        assert harness.connections == 1
    finally:
        process.kill()
        await process.communicate()
    await harness.until(lambda: not harness.connections)


@pytest.mark.gen_test(timeout=20)
async def test_sweeps_keep_their_times(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    group = ConnectionGroup(loop)
    times: list[float] = []

    def check(_connection: object, _interval: float) -> None:
        times.append(loop.time())
        time.sleep(0.02)  # as if there were many

    monkeypatch.setattr(liveness, "check_liveness", check)
    for _ in connected(group):
        task = asyncio.create_task(keep_alive((group,), 0.05))
        await asyncio.sleep(0.53)
        task.cancel()

    assert len(times) >= 8, "0.05 s from one to the next, not 0.07"
