"""Lines over TCP as telnet and nc send them, in any pieces, with any end of the connection.

This port has no TLS, so there are two transports instead of three.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from live_lines import (
    BOB_IS_IN,
    LOGIN_BOB,
    NOT_TEXT,
    OK,
    LinesClient,
    LinesServer,
    OpenLinesServer,
    message_line,
)
from raw_client import PATIENCE_SECONDS

from chateau.app import LINE_BYTES
from chateau.net.connection import LINGER_SECONDS
from chateau.net.outbox import Outbox

pytestmark = pytest.mark.gen_test(timeout=30)

TINY_BUFFER = 4096
TOO_LONG = {"type": "error", "error": "A line has at most 16384 bytes."}
SLOW = {"type": "error", "error": "slow consumer"}
SHUTDOWN = {"type": "shutdown", "reason": None}


@pytest.fixture(params=["fast", "tornado"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def only_a_plain_socket_can_be_half_closed(request: pytest.FixtureRequest, transport: str) -> None:
    if transport == "tornado":
        reason = "Tornado's IOStream closes at the client's end, and what waits is dropped"
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


# Pieces


async def test_line_may_arrive_byte_by_byte(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().client()

    for byte in "LOGIN bob\r\nJOIN x\nGrüße, 世界 👋\r\n".encode():
        client.send(bytes([byte]))
        await asyncio.sleep(0.001)

    assert await client.receive_all(5) == [*BOB_IS_IN, OK, message_line("bob", "Grüße, 世界 👋")]


async def test_lines_in_one_packet_get_responses_in_order(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().client()

    client.send(LOGIN_BOB + b"".join(b"line %d\n" % number for number in range(5_000)))

    assert await client.receive_all(3) == BOB_IS_IN
    for number in range(5_000):
        assert await client.receive_all(2) == [OK, message_line("bob", f"line {number}")]


async def test_lines_may_end_with_lf_or_cr_lf(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().client()

    client.send(b"LOGIN bob\r\nJOIN x\none\r\ntwo\n\n\r\n  \r\nthree\r\n")

    assert await client.receive_all(3) == BOB_IS_IN
    for text in ("one", "two", "three"):
        assert await client.receive_all(2) == [OK, message_line("bob", text)]


async def test_cr_lf_may_arrive_in_two_pieces(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")

    client.send(b"hello\r")
    await asyncio.sleep(0.05)
    client.send(b"\nWHO\r\n")

    assert await client.receive_all(3) == [OK, message_line("bob", "hello"), OK | {"users": ["bob"]}]


async def test_cr_alone_is_part_of_the_line(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")

    client.send(b"a\rb\r\r\n")

    received = await client.receive_all(2)
    assert received[0] == OK
    assert received[1]["body"].startswith("a\rb")


async def test_every_response_is_one_line(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")

    client.send("a\x85b\u2028c\u2029d\x0b\x0ce\x00f\x1bg\n".encode())

    assert await client.receive_json() == OK
    line = await client.reader.readuntil(b"\r\n")
    assert json.loads(line)["body"] == "a\x85b\u2028c\u2029d\x0b\x0ce\x00f\x1bg"
    assert line.count(b"\n") == 1
    assert b"\x1b" not in line


async def test_commands_are_case_sensitive_whole_words(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")

    for line in ("leave", "QUITTER", "LEAVE it to me", "Quit", "login eve"):
        client.send(f"{line}\n".encode())
        assert await client.receive_all(2) == [OK, message_line("bob", line)]


# Too long


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_line_may_have_16_kib(open_lines_server: OpenLinesServer, end: bytes) -> None:
    client = await open_lines_server().member("bob")

    client.send(b"x" * LINE_BYTES + end)

    assert await client.receive_all(2) == [OK, message_line("bob", "x" * LINE_BYTES)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\nWHO\n"])
async def test_too_long_line_gets_an_error_and_ends_the_connection(
    open_lines_server: OpenLinesServer, end: bytes
) -> None:
    server = open_lines_server()
    client, alice = await server.member("bob"), await server.member("alice")
    await client.receive_json()

    client.send(b"hello\n" + b"x" * (LINE_BYTES + 1) + end)

    assert await client.rest() == [OK, message_line("bob", "hello"), TOO_LONG]
    assert await alice.receive_json() == message_line("bob", "hello")
    assert (await alice.receive_json())["type"] == "userLeft"


async def test_too_long_line_is_rejected_before_its_end(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().client()

    client.send(b"x" * (LINE_BYTES + 2))

    assert await client.rest() == [TOO_LONG]


async def test_error_arrives_while_megabytes_are_still_received(open_lines_server: OpenLinesServer) -> None:
    """A reset would discard the error; nc with a long file reads it only after writing."""
    server = open_lines_server()
    client = await server.client(receive_buffer_bytes=TINY_BUFFER)

    for _ in range(64):
        client.send(b"x" * 262_144)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.writer.drain()

    assert await client.rest() == [TOO_LONG]
    await client.leave()
    await server.until(0)


async def test_client_that_stays_after_its_error_is_disconnected(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    client = await server.client()
    client.send(b"x" * 20_000)

    assert await client.rest() == [TOO_LONG]
    started_at = time.monotonic()
    await server.until(0)

    assert time.monotonic() - started_at < LINGER_SECONDS + 1


async def test_input_after_a_too_long_line_is_ignored(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    bob, alice = await server.member("bob"), await server.member("alice")
    await bob.receive_json()

    bob.send(b"x" * 20_000 + b"\n")
    assert await bob.rest() == [TOO_LONG]
    bob.send(b"I am still here\nMSG alice hi\n")

    assert (await alice.receive_json())["type"] == "userLeft"
    alice.send(b"WHO\n")
    assert await alice.receive_json() == OK | {"users": ["alice"]}


# Not text


@pytest.mark.parametrize(
    "line",
    [
        b"caf\xe9",
        b"\xff\xff",  # as telnet escapes the byte 255
        b"\xffa",  # begins no command of telnet
        b"\xed\xa0\x80",  # half a character of UTF-16
        b"\xc0\xaf",  # overlong encoding
        b"\xf4\x90\x80\x80",  # beyond U+10FFFF
        b"\xe4\xb8",  # cut off
        b"LOGIN \xfe\xfd",
    ],
)
async def test_line_that_is_not_utf_8_gets_an_error_and_the_connection_continues(
    open_lines_server: OpenLinesServer, line: bytes
) -> None:
    client = await open_lines_server().client()

    client.send(line + b"\r\nLOGIN bob\r\n")

    assert await client.receive_all(2) == [NOT_TEXT, BOB_IS_IN[0]]


async def test_character_may_arrive_in_two_pieces(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")
    whole = "世\n".encode()

    client.send(whole[:1])
    await asyncio.sleep(0.05)
    client.send(whole[1:])

    assert await client.receive_all(2) == [OK, message_line("bob", "世")]


# End by the client


async def test_half_closed_client_receives_all_responses(open_lines_server: OpenLinesServer) -> None:
    """As with ``printf 'LOGIN bob\\nJOIN x\\n' | nc localhost 9090``."""
    server = open_lines_server()
    client = await server.client()

    client.send(LOGIN_BOB)
    client.writer.write_eof()

    assert await client.rest() == BOB_IS_IN
    await server.until(0)


@pytest.mark.usefixtures("only_a_plain_socket_can_be_half_closed")
async def test_half_closed_client_receives_responses_that_wait_for_a_commit(
    open_lines_server: OpenLinesServer, tmp_path: Path
) -> None:
    server = open_lines_server(data=str(tmp_path))
    client, alice = await server.client(), await server.member("alice")

    client.send(LOGIN_BOB + b"one\ntwo\nWHO\n")
    client.writer.write_eof()

    users = OK | {"users": ["alice", "bob"]}
    assert await client.rest() == [
        *BOB_IS_IN,
        OK,
        message_line("bob", "one"),
        OK,
        message_line("bob", "two"),
        users,
    ]
    assert [line["type"] for line in await alice.receive_all(4)] == [
        "userJoined",
        "message",
        "message",
        "userLeft",
    ]
    await server.until(1)


@pytest.mark.usefixtures("only_a_plain_socket_can_be_half_closed")
async def test_half_closed_client_receives_a_backlog_of_responses(
    open_lines_server: OpenLinesServer,
) -> None:
    server = open_lines_server(max_outbox=64 * 2**20)
    alice = await server.member("alice")
    for _ in range(60):
        alice.send(b"x" * 10_000 + b"\n")
        assert (await alice.receive_all(2))[0] == OK
    client = await server.client(receive_buffer_bytes=TINY_BUFFER)

    client.send(LOGIN_BOB + b"HISTORY\n" * 20)
    client.writer.write_eof()
    await asyncio.sleep(0.2)

    received = await client.rest()
    assert received[:3] == BOB_IS_IN
    assert [line["count"] for line in received if line.get("result") == "OK"] == [62] * 20
    assert len(received) == 3 + 20 * 63
    await server.until(1)


async def test_requests_and_the_end_in_one_packet_are_all_processed(
    open_lines_server: OpenLinesServer,
) -> None:
    server = open_lines_server()
    client = await server.client()

    client.send(LOGIN_BOB + b"hi\n" * 20_000)
    client.writer.write_eof()

    assert len(await client.rest()) == 3 + 2 * 20_000
    await server.until(0)


async def test_disconnected_client_leaves_its_room(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    alice, bob = await server.member("alice"), await server.member("bob")
    assert (await alice.receive_json())["type"] == "userJoined"

    bob.writer.close()

    assert await alice.receive_json() == {
        "from": "bob",
        "type": "userLeft",
        "body": "User bob has left the room",
    }
    await server.until(1)


@pytest.mark.parametrize("begun", [b"", b"half a li", b"hello\nhalf", b"\xff\xfe"])
async def test_reset_ends_only_its_connection(open_lines_server: OpenLinesServer, begun: bytes) -> None:
    server = open_lines_server()
    alice, bob = await server.member("alice"), await server.member("bob")
    assert (await alice.receive_json())["type"] == "userJoined"

    bob.send(begun)
    await asyncio.sleep(0.02)
    bob.reset()

    while (received := await alice.receive_json())["type"] != "userLeft":
        assert received == message_line("bob", "hello")
    await server.until(1)
    alice.send(b"WHO\n")
    assert await alice.receive_json() == OK | {"users": ["alice"]}


async def test_client_that_connects_and_vanishes_leaves_no_state(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()

    for number in range(30):
        client = await server.client()
        if number % 2:
            client.reset()
        else:
            await client.leave()
    alice = await server.member("alice")

    await server.until(1)
    alice.send(b"WHO\n")
    assert await alice.receive_json() == OK | {"users": ["alice"]}


async def test_quit_gets_a_response_and_the_connection_ends(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    alice, bob = await server.member("alice"), await server.member("bob")
    assert (await alice.receive_json())["type"] == "userJoined"

    bob.send(b"bye\nQUIT\nnobody hears this\nQUIT\n" + b"x" * 100_000)

    assert await bob.rest() == [OK, message_line("bob", "bye"), OK]
    assert await alice.receive_json() == message_line("bob", "bye")
    assert (await alice.receive_json())["type"] == "userLeft"
    await bob.leave()
    await server.until(1)


async def test_quit_follows_responses_that_wait_for_a_commit(
    open_lines_server: OpenLinesServer, tmp_path: Path
) -> None:
    server = open_lines_server(data=str(tmp_path))
    client = await server.client()

    client.send(LOGIN_BOB + b"hello\nQUIT\n")

    assert await client.rest() == [*BOB_IS_IN, OK, message_line("bob", "hello"), OK]


async def test_client_that_stays_after_quit_is_disconnected(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    client = await server.client()

    client.send(b"QUIT\n")

    assert await client.rest() == [OK]
    async with asyncio.timeout(LINGER_SECONDS + 1):
        await server.until(0)


# Slow consumers


async def flood(server: LinesServer, sender: LinesClient) -> int:
    """Send long lines until only *sender* and one other are left; return the longest backlog in bytes."""
    longest = 0
    for _ in range(2_000):
        sender.send(b"x" * 16_000 + b"\n")
        while (await sender.receive_json())["type"] != "message":
            pass
        longest = max([longest, *(connection.backlog_bytes for connection in server.group.connections)])
        if len(server.harness.server.hub.usernames()) == 2:
            return longest
    raise AssertionError("the slow one is still here")


async def test_slow_consumer_is_disconnected_without_affecting_others(
    open_lines_server: OpenLinesServer,
) -> None:
    server = open_lines_server(max_outbox=300_000)
    alice, bob = await server.member("alice"), await server.member("bob")
    slow = await server.member("slow", receive_buffer_bytes=TINY_BUFFER)

    async def listen() -> str:
        while (received := await bob.receive_json())["type"] != "userLeft":
            pass
        return str(received["from"])

    listening = asyncio.create_task(listen())
    longest = await flood(server, alice)

    assert await listening == "slow"
    assert longest < 300_000 + 20_000
    received = await slow.rest()
    assert received[-1] == SLOW
    assert message_line("alice", "x" * 16_000) in received
    alice.send(b"WHO\n")
    while "users" not in (response := await alice.receive_json()):
        pass
    assert response["users"] == ["alice", "bob"]


async def test_slow_consumer_that_never_reads_is_disconnected(
    open_lines_server: OpenLinesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 0.2)
    server = open_lines_server(max_outbox=300_000)
    alice = await server.member("alice")
    await server.member("bob", "elsewhere")
    await server.member("slow", receive_buffer_bytes=TINY_BUFFER)

    await flood(server, alice)

    await server.until(2)


async def test_client_that_does_not_read_its_responses_is_disconnected(
    open_lines_server: OpenLinesServer,
) -> None:
    server = open_lines_server(max_outbox=100_000)
    alice = await server.member("alice")
    client = await server.client(receive_buffer_bytes=TINY_BUFFER)

    for _ in range(400):
        client.send(b"HELP\n" * 20)
        await asyncio.sleep(0)
    received = await client.rest()

    assert received[-1] == SLOW
    alice.send(b"WHO\n")
    assert await alice.receive_json() == OK | {"users": ["alice"]}


async def test_short_requests_cannot_queue_hundreds_of_megabytes(
    open_lines_server: OpenLinesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line requests a MiB, at the default rate of 200 lines per second and twice that in a burst."""
    server = open_lines_server(max_rate=200)
    alice = await server.member("alice")
    for _ in range(100):
        alice.send(b"x" * 10_000 + b"\n")
        assert (await alice.receive_all(2))[0] == OK
    most = 0
    flush = Outbox.flush

    def measured(outbox: Outbox) -> None:
        nonlocal most
        most = max(most, sum(map(len, outbox.frames or ())))
        flush(outbox)

    monkeypatch.setattr(Outbox, "flush", measured)
    client = await server.member("bob")

    client.send(b"HISTORY\n" * 100)
    received = 0
    while received < 100:
        line = await client.receive_json()
        if line["type"] == "error":
            break
        received += line.get("count") is not None

    assert most <= 2 * server.harness.server.settings.max_outbox


# Shutdown


async def test_all_clients_receive_the_shutdown_before_the_end(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    bob, idle = await server.member("bob"), await server.client()
    idle.send(b"HELP\n")
    await idle.receive_json()

    draining = asyncio.create_task(server.harness.server.drain())

    for client in (bob, idle):
        assert await client.rest() == [SHUTDOWN]
        await client.leave()
    async with asyncio.timeout(3):
        await draining
    assert server.connections == 0


async def test_shutdown_reason_is_sent(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    client = await server.member("bob")

    draining = asyncio.create_task(server.harness.server.drain("maintenance"))

    assert await client.rest() == [SHUTDOWN | {"reason": "maintenance"}]
    await draining


async def test_requests_before_a_shutdown_get_responses_before_it(
    open_lines_server: OpenLinesServer, tmp_path: Path
) -> None:
    server = open_lines_server(data=str(tmp_path))
    client = await server.member("bob")
    client.send(b"hello\n")
    await server.harness.until(lambda: not client.writer.transport.get_write_buffer_size())
    await asyncio.sleep(0.01)

    draining = asyncio.create_task(server.harness.server.drain())

    assert await client.rest() == [OK, message_line("bob", "hello"), SHUTDOWN]
    await draining


async def test_client_that_stays_does_not_delay_a_shutdown(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    client = await server.member("bob")

    async with asyncio.timeout(LINGER_SECONDS + 2):
        await server.harness.server.drain()

    assert await client.rest() == [SHUTDOWN]
    assert server.connections == 0


# Conversations


async def test_two_telnet_users_exchange_messages(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    alice, bob = await server.client(), await server.client()

    alice.send(b"LOGIN alice\r\n")
    assert await alice.receive_json() == {"type": "commandResult", "result": "Username set to alice"}
    alice.send(b"JOIN ROOM lobby\r\n")
    assert (await alice.receive_all(2))[0] == {"type": "commandResult", "result": "Joined room lobby"}
    await bob.log_in_and_join("bob", "lobby")
    assert await alice.receive_json() == {
        "from": "bob",
        "type": "userJoined",
        "body": "User bob has joined the room",
    }

    for speaker, listener, nick in ((alice, bob, "alice"), (bob, alice, "bob")) * 3:
        speaker.send(f"hello from {nick}\r\n".encode())
        assert await speaker.receive_all(2) == [OK, message_line(nick, f"hello from {nick}")]
        assert await listener.receive_json() == message_line(nick, f"hello from {nick}")
    bob.send(b"MSG alice psst\r\nLEAVE\r\n")
    left = {"from": "bob", "type": "userLeft", "body": "User bob has left the room"}
    assert await bob.receive_all(3) == [OK, OK, left]
    assert await alice.receive_all(2) == [{"from": "bob", "type": "directMessage", "body": "psst"}, left]


async def test_lines_and_websocket_clients_exchange_messages(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    alice, bob = await server.harness.member("alice", "x"), await server.member("bob")
    assert (await alice.receive_json())["event"] == "joined"

    bob.send(b"hello\n")
    assert await bob.receive_all(2) == [OK, message_line("bob", "hello")]
    assert (await alice.receive_json())["content"] == "hello"
    assert (await alice.ask({"type": 7, "room": "x", "content": "one\r\ntwo\n"}))["status"] == 200

    assert await bob.receive_json() == message_line("alice", "one\r\ntwo\n")


async def test_fifty_clients_receive_messages_in_one_order(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    clients = [await server.member(f"user{number}") for number in range(50)]

    for number, client in enumerate(clients):
        client.send(b"".join(b"%d-%d\n" % (number, count) for count in range(4)))

    orders = []
    for client in clients:
        order: list[str] = []
        while len(order) < 200:
            received = await client.receive_json()
            if received["type"] == "message":
                order.append(received["body"])
        orders.append(order)
    assert all(order == orders[0] for order in orders)
    assert len(set(orders[0])) == 200
