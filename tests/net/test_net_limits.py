"""Limits that all clients of a server share: connections, unfinished input, the time for a request."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from masked_frames import TEXT, client_frame, text
from raw_client import PATIENCE_SECONDS
from running_server import free_port

from chateau.net import web_server
from chateau.net.connection_limits import ConnectionLimits
from chateau.net.partial_input import COUNTED_FROM_BYTES, PartialInput

if TYPE_CHECKING:
    from captured_log import Log
    from live_harness import OpenServer


class Fake:
    """An open connection from *address*."""

    def __init__(self, address: str = "192.0.2.1", *, is_expendable: bool = False) -> None:
        self.address = address
        self.is_expendable = is_expendable
        self.ended: list[str] = []

    def make_room(self) -> None:
        self.ended.append("for another")

    def drop_input(self, reason: str) -> None:
        self.ended.append(reason)


# Counting


@pytest.mark.parametrize(("total", "per_address"), [(0, 0), (4, 0), (0, 4)])
def test_limit_of_0_is_none(total: int, per_address: int, log: Log) -> None:
    limits = ConnectionLimits(total=total, per_address=per_address)
    for _ in range(5):
        assert (limits.rejection("192.0.2.1") is None) == (not total + per_address or len(limits) < 4)
        limits.add(Fake())
    log.taken()


def test_address_at_its_limit_does_not_keep_others_out(log: Log) -> None:
    limits = ConnectionLimits(total=10, per_address=2)
    for _ in range(2):
        limits.add(Fake())

    assert limits.rejection("192.0.2.1") == (
        "Too many connections from your address: the maximum is 2. Try again later."
    )
    assert limits.rejection("192.0.2.2") is None
    assert limits.rejection("192.0.2.1", is_shared=True) is None
    assert log.taken() == ["--max-connections-per-address 2 is reached: 1 connection(s) refused so far"]


def test_clients_of_a_unix_socket_have_no_address_to_be_limited_by() -> None:
    limits = ConnectionLimits(per_address=1)
    for _ in range(3):
        assert limits.rejection("") is None
        limits.add(Fake(""))


def test_ended_connection_makes_room_once() -> None:
    limits = ConnectionLimits(total=1)
    one = Fake()
    limits.add(one)
    limits.remove(one)
    limits.remove(one)

    assert len(limits) == 0
    assert limits.rejection("192.0.2.1") is None


def test_oldest_expendable_connection_makes_room() -> None:
    limits = ConnectionLimits(total=3)
    kept, oldest, newest = Fake(), Fake(is_expendable=True), Fake(is_expendable=True)
    for each in (kept, oldest, newest):
        limits.add(each)

    assert limits.rejection("192.0.2.2") is None
    assert (kept.ended, oldest.ended, newest.ended) == ([], ["for another"], [])
    assert len(limits) == 2


def test_address_makes_room_among_its_own_connections(log: Log) -> None:
    limits = ConnectionLimits(per_address=1)
    other, own = Fake("192.0.2.2", is_expendable=True), Fake(is_expendable=True)
    limits.add(other)
    limits.add(own)

    assert limits.rejection("192.0.2.1") is None
    assert (other.ended, own.ended) == ([], ["for another"])
    log.taken()


def test_rejections_are_logged_ever_more_rarely(log: Log) -> None:
    limits = ConnectionLimits(total=1)
    limits.add(Fake())
    for _ in range(1_000):
        limits.rejection("192.0.2.1")

    assert len(log.taken()) == 10


# Unfinished input

LIMIT = 10 * COUNTED_FROM_BYTES


def test_small_amounts_are_not_counted() -> None:
    held = PartialInput(LIMIT)
    held.set(Fake(), COUNTED_FROM_BYTES - 1)

    assert held.total == 0


def test_address_with_the_most_loses_its_largest(log: Log) -> None:
    held = PartialInput(LIMIT)
    single = Fake("192.0.2.1")
    many = [Fake("192.0.2.2") for _ in range(3)]
    held.set(single, 4 * COUNTED_FROM_BYTES)
    for number, each in enumerate(many, 1):
        held.set(each, number * COUNTED_FROM_BYTES)
    assert held.total == LIMIT

    held.set(single, 5 * COUNTED_FROM_BYTES)

    assert [each.ended for each in (single, *many)] == [[], [], [], ["too much unfinished input"]]
    assert held.total == 8 * COUNTED_FROM_BYTES
    [line] = log.taken()
    assert "192.0.2.2 has 24576 bytes of it; 1 client(s) ended so far" in line


def test_released_input_does_not_count() -> None:
    held = PartialInput(LIMIT)
    one = Fake()
    for size in (LIMIT, 0, LIMIT, 0):
        held.set(one, size)

    assert (held.total, one.ended) == (0, [])


# On a running server


@pytest.mark.gen_test
async def test_connection_above_the_limit_is_told_why(
    open_server: OpenServer, transport: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "LINGER_SECONDS", 0.01)
    server = open_server(max_connections=1)
    await server.member("alice")

    if transport == "tls":
        with pytest.raises(ConnectionError):
            await server.connect()
    else:
        refused = await server.connect()
        response = await refused.response()
        assert (response.status, response.headers["retry-after"]) == (503, "5")
        assert response.headers["x-error"] == (
            "Too many connections to this server: the maximum is 1. Try again later."
        )
        assert await refused.end() == b""
        await asyncio.sleep(0.05)  # the server's socket is closed
        await asyncio.sleep(0.05)  # the server's socket is closed
    assert log.taken() == ["--max-connections 1 is reached: 1 connection(s) refused so far"]


@pytest.mark.gen_test
async def test_connection_that_has_left_makes_room(open_server: OpenServer) -> None:
    server = open_server(max_connections=1)
    await (await server.member("alice")).leave()
    await server.until(lambda: not server.connections)

    assert (await (await server.member("bob")).ask({"type": 4}))["clients"] == ["bob"]


@pytest.mark.gen_test
async def test_silent_anonymous_connection_makes_room_and_is_told(open_server: OpenServer) -> None:
    server = open_server(max_connections=2)
    silent = await server.client()
    await server.member("alice")

    bob = await server.member("bob")

    assert await silent.closing() == (1013, "too many connections")
    assert (await bob.ask({"type": 4}))["clients"] == ["alice", "bob"]


@pytest.mark.gen_test
async def test_connection_without_a_request_makes_room(open_server: OpenServer) -> None:
    server = open_server(max_connections=1)
    silent = await server.connect()
    if server.transport != "tls":
        await asyncio.sleep(0.01)

    await server.member("alice")

    with suppress(ConnectionError):
        assert await silent.reader.read() == b""


@pytest.mark.gen_test
async def test_line_client_above_the_limit_gets_an_error(open_server: OpenServer, log: Log) -> None:
    port = free_port()
    server = open_server(max_connections_per_address=1, lines_port=port)
    await server.member("alice")

    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    assert json.loads(await reader.read()) == {
        "type": "error",
        "error": "Too many connections from your address: the maximum is 1. Try again later.",
    }
    writer.close()
    assert len(log.taken()) == 1


HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
UNFINISHED = [
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", "head", id="head"),
    pytest.param(b"G", "head", id="first byte"),
    pytest.param(HEAD % b"/channel/a/", "body", id="body of a publish"),
    pytest.param(HEAD % b"/renderings" + b"{", "body", id="body of another request"),
]


@pytest.mark.parametrize(("sent", "part"), UNFINISHED)
@pytest.mark.gen_test
async def test_unfinished_request_times_out(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch, sent: bytes, part: str
) -> None:
    monkeypatch.setattr(web_server, "CHECK_SECONDS", 0.01)
    client = await open_server(request_timeout=0.05).connect()

    client.send(sent)

    response = await client.response()
    assert response.status == 408
    assert response.headers["x-error"] == f"The {part} of the request did not come in time."


@pytest.mark.gen_test
async def test_trickle_does_not_extend_the_time(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "CHECK_SECONDS", 0.01)
    client = await open_server(request_timeout=0.2).connect()
    client.send(HEAD % b"/channel/a/")

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not client.reader._buffer:  # type: ignore[attr-defined]
            client.send(b"x")
            await asyncio.sleep(0.02)

    assert (await client.response()).status == 408


@pytest.mark.gen_test
async def test_client_between_requests_gets_no_response(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "CHECK_SECONDS", 0.01)
    client = await open_server(request_timeout=0.02).connect()
    await asyncio.sleep(0.1)

    assert (await client.get("/ws")).status == 426


@pytest.mark.parametrize("begun", [client_frame(TEXT, b"{", declared=100), text("{", final=False)])
@pytest.mark.gen_test
async def test_unfinished_message_times_out(open_server: OpenServer, begun: bytes) -> None:
    client = await open_server(request_timeout=0.05).client()

    client.send(begun)

    assert await client.closing() == (1008, "message timeout")


@pytest.mark.gen_test
async def test_client_that_sends_whole_messages_has_not_stalled(open_server: OpenServer) -> None:
    server = open_server(request_timeout=0)
    client = await server.member("alice")
    [connection] = server.server.group.connections
    message = text(json.dumps({"type": 4}))
    assert not connection.has_stalled()

    for _ in range(3):
        client.send(message + message[:5])
        assert (await client.receive_json())["status"] == 200
        await server.until(lambda: connection._decoder.partial_bytes > 0)
        assert not connection.has_stalled()
        client.send(message[5:])
        assert (await client.receive_json())["status"] == 200

    client.send(message[:5])
    await server.until(lambda: connection._decoder.partial_bytes > 0)
    assert [connection.has_stalled() for _ in range(2)] == [False, True]


@pytest.mark.gen_test
async def test_unfinished_publish_on_its_own_connection_times_out(open_server: OpenServer) -> None:
    client = await open_server(request_timeout=0.1).connect()
    whole = b"POST /channel/a/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"
    for _ in range(3):
        client.send(whole)
        assert (await client.response()).status == 201

    client.send(whole[:-1])

    response = await client.response()
    assert (response.status, response.headers["connection"]) == (408, "close")


@pytest.mark.gen_test
async def test_client_with_the_most_unfinished_input_is_ended(open_server: OpenServer, log: Log) -> None:
    server = open_server(max_partial_input=50_000)
    other, greedy = await server.member("alice"), await server.client()
    whole = text(json.dumps("x" * 8_000))
    other.send(whole[:-1])
    await server.until(lambda: server.server.group.partial_input.total > 8_000)

    greedy.send(client_frame(TEXT, b"x" * 60_000, declared=100_000))

    assert await greedy.closing() == (1013, "too much unfinished input")
    other.send(whole[-1:])
    assert (await other.receive_json())["code"] == "not_an_object"
    assert len(log.taken()) == 1


@pytest.mark.parametrize("path", ["/channel/a/", "/renderings"])
@pytest.mark.gen_test
async def test_unfinished_body_counts(open_server: OpenServer, log: Log, path: str) -> None:
    server = open_server(max_partial_input=50_000)
    client = await server.connect()

    client.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 90_000)

    response = await client.response()
    assert response.status == 503
    assert response.headers["x-error"] == "The server has too much unfinished input."
    assert server.server.group.partial_input.total == 0
    assert len(log.taken()) == 1
