"""Without faults, the proxy changes nothing; through real sockets."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
from contextlib import suppress

import pytest
from proxy_harness import (
    PATIENCE_SECONDS,
    echo,
    echo_lines,
    play,
    proxy_before,
    receive,
    seen,
    tcp_server,
    websocket_server,
)
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus

from chateau.client.transcript import ABORTED, Direction

OBSERVED_ONLY = {"do": {"delay": 0.0}}
both_ways = pytest.mark.parametrize("rules", [(), (OBSERVED_ONLY,)], ids=["as bytes", "frame by frame"])

Rules = tuple[dict[str, object], ...]


@both_ways
def test_a_thousand_messages_of_any_size_pass_unchanged(rules: Rules) -> None:
    chance = random.Random(1)
    sizes = [chance.choice((0, 1, 125, 126, 127, 1000)) for _ in range(990)] + [
        *(65_535, 65_536) * 4,
        2**20,
        2**20 + 1,
    ]
    messages: list[str | bytes] = [
        os.urandom(size) if number % 2 else "ü" * (size // 2) for number, size in enumerate(sizes)
    ]

    async def scene() -> None:
        async with (
            websocket_server(echo) as port,
            proxy_before(port, *rules) as harness,
            harness.websocket() as client,
        ):
            hearing = asyncio.create_task(receive(client, len(messages)))
            for message in messages:
                await client.send(message)

            assert await hearing == messages
        assert [payload for opcode, payload in harness.recorded(Direction.RECEIVED)[:1000]] == [
            one.encode() if isinstance(one, str) else one for one in messages
        ]
        assert harness.errors == []

    play(scene)


@both_ways
def test_fragments_stay_fragments_and_are_one_message_in_the_recording(rules: Rules) -> None:
    async def scene() -> None:
        async with websocket_server(echo) as port, proxy_before(port, *rules) as harness:
            async with harness.websocket() as client:
                await client.send(["one ", "two ", "three"])
                assert await client.recv() == "one two three"
            kinds = [one.opcode for one in harness.observations if one.direction is Direction.SENT]

        assert kinds[1:5] == ["text", "continuation", "continuation", "continuation"]
        assert harness.recorded(Direction.SENT)[1:2] == [("text", b"one two three")]

    play(scene)


@both_ways
def test_pings_pass_in_both_directions(rules: Rules) -> None:
    async def ping_back(connection: ServerConnection) -> None:
        await (await connection.ping(b"from the server"))
        await connection.send("it was answered")
        await connection.wait_closed()

    async def scene() -> None:
        async with (
            websocket_server(ping_back) as port,
            proxy_before(port, *rules) as harness,
            harness.websocket() as client,
        ):
            await (await client.ping(b"from the client"))
            assert await client.recv() == "it was answered"

        assert ("ping", b"from the server") in harness.recorded(Direction.RECEIVED)
        assert ("pong", b"from the server") in harness.recorded(Direction.SENT)

    play(scene)


@both_ways
def test_close_codes_and_reasons_pass_from_the_client(rules: Rules) -> None:
    codes: list[tuple[int | None, str | None]] = []

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append((connection.close_code, connection.close_reason))

    async def scene() -> None:
        async with websocket_server(wait) as port, proxy_before(port, *rules) as harness:
            async with harness.websocket() as client:
                await client.close(4001, "enough")
            await seen(lambda: bool(codes))

        assert codes == [(4001, "enough")]
        assert harness.recorded(Direction.SENT)[-1] == ("close", struct.pack("!H", 4001) + b"enough")

    play(scene)


@both_ways
def test_close_codes_and_reasons_pass_from_the_server(rules: Rules) -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.close(1008, "no")

    async def scene() -> None:
        async with (
            websocket_server(refuse) as port,
            proxy_before(port, *rules) as harness,
            harness.websocket() as client,
        ):
            with pytest.raises(ConnectionClosed):
                await client.recv()

            assert (client.close_code, client.close_reason) == (1008, "no")
        assert harness.recorded(Direction.RECEIVED)[-1] == ("close", struct.pack("!H", 1008) + b"no")

    play(scene)


@both_ways
def test_half_close_passes_without_faults(rules: Rules) -> None:
    async def scene() -> None:
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"hello\nhalf a li")
            writer.write_eof()

            assert await reader.read() == b"hello\nhalf a libye\n"
        assert harness.recorded(Direction.SENT)[1:] == [
            ("line", b"hello"),
            ("raw", b"half a li"),
            ("close", b""),
        ]

    play(scene)


@both_ways
def test_server_that_sends_first_reaches_a_silent_client(rules: Rules) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome\n")
        await reader.read()

    async def scene() -> None:
        async with (
            tcp_server(greet) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, _),
        ):
            assert await reader.readline() == b"welcome\n"
        assert harness.observations[0].payload == f"tcp://127.0.0.1:{port}".encode()

    play(scene)


@both_ways
def test_a_reset_passes_as_a_reset(rules: Rules) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        leaving: socket.socket = writer.get_extra_info("socket")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scene() -> None:
        async with (
            tcp_server(leave) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"hello\n")

            with pytest.raises(ConnectionResetError):
                await reader.read()
        assert harness.recorded(Direction.RECEIVED) == [("close", b"")]

    play(scene)


@both_ways
def test_a_reset_of_the_client_is_recorded_as_its_abort(rules: Rules) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        with suppress(ConnectionError):
            await reader.read()

    async def scene() -> None:
        async with (
            tcp_server(listen) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"hello\n")
            await reader.readline()
            leaving: socket.socket = writer.get_extra_info("socket")
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not harness.faults_of("reset"):  # noqa: ASYNC110 - nothing signals it
                    await asyncio.sleep(0.005)
        assert harness.recorded(Direction.SENT)[-1] == ("close", ABORTED)
        assert harness.recorded(Direction.RECEIVED) == [("line", b"hello")]

    play(scene)


@both_ways
def test_last_bytes_of_a_server_reach_a_client_that_still_sends(
    rules: Rules,
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"enough\n")

    async def scene() -> None:
        async with (
            tcp_server(refuse) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"x" * 100 + b"\n")
            for _ in range(50):
                writer.write(b"y" * 1000 + b"\n")

            assert await reader.readline() == b"enough\n"

    play(scene)


def test_plain_http_is_recorded_as_requests_and_responses() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in (b"one", b"two"):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            writer.write(
                b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n%b\r\n0\r\n\r\n" % body
            )

    async def scene() -> None:
        async with (
            tcp_server(answer) as port,
            proxy_before(port) as harness,
            harness.line_client() as (reader, writer),
        ):
            for _ in range(2):  # both at once: the second is read after the response to the first
                writer.write(b"POST /channel/x/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            answers = await reader.read()

        assert answers.count(b"201 Created") == 2
        request = b"POST /channel/x/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
        assert harness.recorded(Direction.SENT) == [("request", request)] * 2
        head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert harness.recorded(Direction.RECEIVED) == [
            ("response", head + b"one"),
            ("response", head + b"two"),
        ]

    play(scene)


def test_a_stream_of_events_is_recorded_event_by_event() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 1\nda")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"ta: hi\n\ndata: ho\n\n")

    async def scene() -> None:
        async with (
            tcp_server(answer) as port,
            proxy_before(port) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"GET /channel/x/ HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
            await reader.read()

        url = f"http://127.0.0.1:{port}/channel/x/"
        assert [(one.opcode, one.payload) for one in harness.entries] == [
            ("open", f'{{"protocol": "http", "url": "{url}"}}'.encode()),
            ("event", b"id: 1\ndata: hi"),
            ("event", b"data: ho"),
        ]

    play(scene)


def test_invalid_http_passes_and_is_reported() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?\n" + await reader.readuntil(b"\r\n\r\n"))

    async def scene() -> None:
        async with (
            tcp_server(answer) as port,
            proxy_before(port) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

            assert await reader.read() == b"what?\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
        assert len(harness.errors) == 1
        assert harness.errors[0].startswith("#1: cannot parse this as HTTP")

    play(scene)


def test_rejected_handshake_passes_unchanged() -> None:
    async def scene() -> None:
        refuse = {"process_request": lambda connection, _: connection.respond(403, "no\n")}
        async with websocket_server(echo, **refuse) as port, proxy_before(port) as harness:
            with pytest.raises(InvalidStatus) as refused:
                await harness.websocket()

            assert refused.value.response.status_code == 403
            assert refused.value.response.body == b"no\n"
            await seen(lambda: len(harness.entries) == 2)
        assert [one.opcode for one in harness.entries] == ["request", "response"]

    play(scene)


def test_server_notices_a_client_that_disconnects_during_the_handshake() -> None:
    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
        ended.set()

    async def scene() -> None:
        async with tcp_server(hang) as port, proxy_before(port) as harness:
            async with harness.line_client() as (_, writer):
                writer.write(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")
                await writer.drain()
            await ended.wait()

    play(scene)


def test_compression_is_not_negotiated() -> None:
    async def scene() -> None:
        async with (
            websocket_server(echo, compression="deflate") as port,
            proxy_before(port) as harness,
            harness.websocket(compression="deflate") as client,
        ):
            assert client.response is not None
            assert "Sec-WebSocket-Extensions" not in client.response.headers
            await client.send("hello" * 100)
            await client.recv()

        assert harness.recorded(Direction.SENT)[1] == ("text", b"hello" * 100)

    play(scene)


def test_tls_passes_and_is_reported_once() -> None:
    async def scene() -> None:
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port) as harness,
            harness.line_client() as (reader, writer),
        ):
            hello = b"\x16\x03\x01\x00\x05hello\n" + bytes(range(256)) * 300 + b"\n"
            writer.write(hello)
            assert await reader.readexactly(len(hello)) == hello
            writer.write_eof()
            assert await reader.read() == b"bye\n"

        assert len(harness.errors) == 1
        assert harness.errors[0].startswith("#1: this is TLS: its frames cannot be shown or recorded")
        assert {one.opcode for one in harness.observations} == {"open", "bytes", "end"}
        assert harness.entries == []

    play(scene)


@both_ways
def test_invalid_frames_reach_the_server_unchanged(rules: Rules) -> None:
    async def scene() -> None:
        async with websocket_server(echo) as port, proxy_before(port, *rules) as harness:
            client = await harness.websocket()
            client.transport.write(b"\x81\x02hi")  # without a mask
            with pytest.raises(ConnectionClosed):
                await client.recv()

            assert client.close_code == 1002
        assert ("raw", b"\x81\x02hi") in harness.recorded(Direction.SENT)
        assert harness.errors == [
            "#1: the frames of the client cannot be read (incorrect masking): "
            "from here on, its bytes pass unchanged"
        ]

    play(scene)


@both_ways
def test_slow_reader_slows_down_the_sender(rules: Rules) -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        poured = 0
        while poured < 64 * 2**20:
            writer.write(b"x" * 8191 + b"\n")
            await writer.drain()
            poured += 8192
            how_much[0] = poured

    how_much = [0]

    async def scene() -> None:
        async with tcp_server(pour) as port, proxy_before(port, *rules) as harness:
            client = socket.create_connection(("127.0.0.1", harness.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            before = -1
            while before != how_much[0]:
                before = how_much[0]
                await asyncio.sleep(0.1)

            assert 0 < how_much[0] < 32 * 2**20
            client.close()

    play(scene)


def test_connections_are_numbered_in_order() -> None:
    async def scene() -> None:
        async with tcp_server(echo_lines) as port, proxy_before(port) as harness:
            for _ in range(3):
                async with harness.line_client() as (reader, writer):
                    writer.write(b"hi\n")
                    await reader.readline()

        opened = [one.connection for one in harness.observations if one.opcode == "open"]
        assert opened == [1, 2, 3]
        assert {one.client for one in harness.entries} == {"c1", "c2", "c3"}

    play(scene)


def test_unreachable_server_is_reported_and_the_proxy_continues() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sentence = f"The server at 127.0.0.1:{port} cannot be reached: Connection refused."

    async def scene() -> None:
        async with proxy_before(port) as harness:
            for number in (1, 2):
                with pytest.raises(InvalidStatus) as refused:
                    await harness.websocket()
                assert refused.value.response.status_code == 502
                assert refused.value.response.body == f"{sentence}\n".encode()
                assert harness.errors[number - 1] == f"#{number}: {sentence}"
            async with harness.line_client() as (reader, writer):
                writer.write(b"LOGIN alice\n")
                assert await reader.read() == b""

    play(scene)


def test_all_connections_are_closed_when_the_proxy_ends() -> None:
    async def scene() -> None:
        async with websocket_server(echo) as port:
            async with proxy_before(port, OBSERVED_ONLY) as harness:
                client = await harness.websocket()
                await client.send("hi")
                await client.recv()
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()

        assert not isinstance(closed.value, ConnectionClosedOK)

    play(scene)
