"""What the proxy's faults look like to those at its two ends, through real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
from proxy_harness import (
    ProxyHarness,
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
from websockets.exceptions import ConnectionClosed

from chateau.client.proxy import pipe
from chateau.client.transcript import Direction

TO_SERVER = {"direction": "to-server"}
TO_CLIENT = {"direction": "to-client"}
LETTERS = list("abcdef")


async def echoes(harness: ProxyHarness, count: int, messages: list[str] = LETTERS) -> list[str | bytes]:
    """Send *messages* at once; return the first *count* responses."""
    async with harness.websocket() as client:
        for message in messages:
            await client.send(message)
        return await receive(client, count)


@pytest.mark.parametrize(
    ("do", "answers"),
    [
        ({"drop": True}, "abdef"),
        ({"duplicate": 3}, "abcccdef"),
        ({"reorder": 1}, "abdcef"),
        ({"reorder": 2}, "abdecf"),
        ({"delay": 0.05}, "abcdef"),
        ({"cut": 1}, "abcdef"),
        ({"join": 3}, "abcdef"),
        ({"join": 100}, "abcdef"),
        ({"reorder": 100}, "abdefc"),
    ],
    ids=str,
)
@pytest.mark.parametrize("direction", ["to-server", "to-client"])
def test_each_fault_as_a_client_sees_it(
    do: dict[str, Any], answers: str, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "HOLD_SECONDS", 0.1)

    async def scene() -> None:
        rule = {"when": {"direction": direction, "payload": "c"}, "do": do}
        async with websocket_server(echo) as port, proxy_before(port, rule) as harness:
            assert await echoes(harness, len(answers)) == list(answers)

        got = [
            payload.decode() for opcode, payload in harness.recorded(Direction.RECEIVED) if opcode == "text"
        ]
        sent = [payload.decode() for opcode, payload in harness.recorded(Direction.SENT) if opcode == "text"]
        assert sent == LETTERS
        assert got == list(answers)
        assert [done for one, done in harness.faults_of("text") if one == "c" and done]

    play(scene)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_with_the_same_seed_is_the_same_run(seed: int) -> None:
    rules = [
        {"do": {"drop": True}, "probability": 0.2},
        {"do": {"duplicate": 2}, "probability": 0.2},
        {"do": {"reorder": 1}, "probability": 0.2},
    ]
    lines = [f"line {number}\n".encode() for number in range(100)]
    runs: list[list[tuple[str, tuple[str, ...]]]] = []

    async def scene() -> None:
        async with tcp_server(echo_lines) as port, proxy_before(port, *rules, seed=seed) as harness:
            async with harness.line_client() as (reader, writer):
                for line in lines:
                    writer.write(line)
                    await asyncio.sleep(0)  # so that lines are cut from the stream elsewhere each time
                writer.write_eof()
                await reader.read()
            shown = [
                (one.payload.decode(), one.faults)
                for one in harness.observations
                if one.direction is Direction.SENT
            ]
            runs.append([(text, done) for text, done in shown if text.startswith("line")])

    for _ in range(2):
        play(scene)

    assert runs[0] == runs[1]
    assert {word for _, done in runs[0] for word in done} == {"dropped", "duplicated", "reordered"}


def test_a_delay_is_for_each_frame_and_does_not_add_up() -> None:
    async def scene() -> None:
        rule = {"when": TO_SERVER, "do": {"delay": 0.1}}
        async with websocket_server(echo) as port, proxy_before(port, rule) as harness:
            began = monotonic()
            assert await echoes(harness, 6) == LETTERS
            took = monotonic() - began

        assert 0.1 <= took < 0.5
        assert harness.faults_of("text")[0] == ("a", ("delayed 100 ms",))

    play(scene)


def test_frames_stay_in_order_under_jitter() -> None:
    messages = [str(number) for number in range(50)]

    async def scene() -> None:
        async with websocket_server(echo) as port, proxy_before(port, {"do": {"jitter": 0.05}}) as harness:
            assert await echoes(harness, 50, messages) == messages

    play(scene)


def test_a_cut_frame_arrives_in_pieces() -> None:
    pieces: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1000):
            pieces.append(piece)

    async def scene() -> None:
        rule = {"do": {"cut": "character"}}
        async with (
            tcp_server(listen) as port,
            proxy_before(port, rule) as harness,
            harness.line_client() as (_, writer),
        ):
            writer.write("grüß\n".encode())
            await seen(lambda: b"".join(pieces).endswith(b"\n"))

        assert pieces == [b"gr\xc3", b"\xbc\xc3\x9f\n"]

    play(scene)


def test_joined_frames_arrive_in_one_piece() -> None:
    pieces: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1000):
            pieces.append(piece)

    async def scene() -> None:
        async with (
            tcp_server(listen) as port,
            proxy_before(port, {"do": {"join": 3}}) as harness,
            harness.line_client() as (_, writer),
        ):
            for number in range(3):
                writer.write(b"%d\n" % number)
                await seen(lambda number=number: len(harness.recorded(Direction.SENT)) == number + 2)  # type: ignore[misc]
            await seen(lambda: bool(pieces))

        assert pieces == [b"0\n1\n2\n"]
        assert harness.faults_of("line")[0] == ("0", ("joined with 2 more",))

    play(scene)


def test_close_reaches_the_client_and_its_confirmation_the_server() -> None:
    codes: list[int | None] = []

    async def answer(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await echo(connection)
        await connection.wait_closed()
        codes.append(connection.close_code)

    async def scene() -> None:
        rule = {"when": {**TO_CLIENT, "nth": 2}, "do": {"close": 4001}}
        async with (
            websocket_server(answer) as port,
            proxy_before(port, rule) as harness,
            harness.websocket() as client,
        ):
            for letter in LETTERS:
                await client.send(letter)
            with pytest.raises(ConnectionClosed):
                await receive(client, 3)
            assert client.close_code == 4001
            await seen(lambda: bool(codes))

        assert codes == [4001]
        assert harness.recorded(Direction.RECEIVED)[-2:] == [
            ("text", b"b"),
            ("close", struct.pack("!H", 4001)),
        ]

    play(scene)


def test_close_to_the_server_is_a_valid_masked_frame() -> None:
    codes: list[int | None] = []

    async def answer(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append(connection.close_code)

    async def scene() -> None:
        rule = {"when": TO_SERVER, "do": {"drop": True, "close": 1001}}
        async with (
            websocket_server(answer) as port,
            proxy_before(port, rule) as harness,
            harness.websocket() as client,
        ):
            await client.send("never passed on")
            with pytest.raises(ConnectionClosed):
                await client.recv()
            await seen(lambda: bool(codes))

        assert codes == [1001]
        assert client.close_code == 1001

    play(scene)


def test_close_of_lines_closes_both_sides_after_earlier_lines() -> None:
    async def scene() -> None:
        rule = {"when": {**TO_CLIENT, "nth": 2}, "do": {"close": 1000}}
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, rule) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"a\nb\nc\nd\n" + b"x\n" * 100)

            assert await reader.read() == b"a\nb\n"
            writer.close()
        assert harness.recorded(Direction.RECEIVED)[-1] == ("close", b"")

    play(scene)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER], ids=lambda condition: condition["direction"])
def test_reset_fault_resets_both_connections(direction: dict[str, str]) -> None:
    async def scene() -> None:
        rule = {"when": direction, "do": {"reset": True}}
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, rule) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"hello\n")

            with pytest.raises(ConnectionResetError):
                await reader.read()
        assert ("", ()) in harness.faults_of("reset")

    play(scene)


def test_half_close_passes_and_the_other_direction_continues() -> None:
    async def scene() -> None:
        rule = {"when": {**TO_SERVER, "nth": 2}, "do": {"half_close": True}}
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, rule) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"a\nb\nc\n")

            assert await reader.read() == b"a\nb\nbye\n"
        assert ("c", ("not passed on",)) in harness.faults_of("line")

    play(scene)


def test_stall_passes_nothing_and_the_other_direction_continues() -> None:
    said: list[bytes] = []

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.readline())
        waiting = asyncio.create_task(reader.readline())
        await asyncio.sleep(0.05)
        writer.write(b"are you there?\n")
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        waiting.cancel()

    async def scene() -> None:
        rule = {"when": {**TO_SERVER, "nth": 1}, "do": {"stall": True}}
        async with (
            tcp_server(tell) as port,
            proxy_before(port, rule) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"a\nb\n")
            for _ in range(64):  # more than any buffer holds
                writer.write(b"x" * 65_535 + b"\n")
                await writer.drain()
            writer.write_eof()

            assert await reader.readline() == b"are you there?\n"
            assert await reader.read() == b""
        assert said == [b"a\n"]
        assert harness.errors == ["#1: stalled to-server: nothing passes any more"]

    play(scene)


def test_pings_are_answered_through_faults_that_are_not_for_them() -> None:
    async def scene() -> None:
        rule = {"do": {"drop": True}}
        async with (
            websocket_server(echo) as port,
            proxy_before(port, rule) as harness,
            harness.websocket() as client,
        ):
            await client.send("hello")
            await (await client.ping())
            assert harness.faults_of("text") == [("hello", ("dropped",))]

    play(scene)


def test_pings_can_be_dropped_by_name() -> None:
    async def scene() -> None:
        rule = {"when": {"opcode": "ping"}, "do": {"drop": True}}
        async with (
            websocket_server(echo) as port,
            proxy_before(port, rule) as harness,
            harness.websocket() as client,
        ):
            pong = await client.ping()
            await client.send("hello")
            assert await client.recv() == "hello"
            assert not pong.done()  # type: ignore[attr-defined]

    play(scene)


def test_a_rule_may_be_for_one_connection_only() -> None:
    async def scene() -> None:
        rule = {"when": {"connection": 2, **TO_SERVER, "json": {"type": 3}}, "do": {"duplicate": 2}}
        message = json.dumps({"type": 3, "content": "hi"})
        async with websocket_server(echo) as port, proxy_before(port, rule) as harness:
            for count in (1, 2, 1):
                async with harness.websocket() as client:
                    await client.send(message)
                    await client.send("the last")
                    assert await receive(client, count + 1) == [message] * count + ["the last"]

    play(scene)


def test_plain_http_is_delayed_and_other_faults_are_reported_impossible() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    rules: list[dict[str, Any]] = [{"do": {"delay": 0.05}}, {"do": {"drop": True}}]

    async def scene() -> None:
        async with (
            tcp_server(answer) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, writer),
        ):
            began = monotonic()
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 204")
            assert monotonic() - began >= 0.1

        assert len(harness.errors) == 1
        assert harness.errors[0].startswith("#1: this is plain HTTP: it passes as bytes; only the faults ")

    play(scene)


def test_tls_can_be_stalled_from_the_first_byte() -> None:
    async def scene() -> None:
        rule = {"when": TO_CLIENT, "do": {"drop": True, "stall": True}}
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, rule) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"\x16\x03\x01 hello\n")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.1)

    play(scene)


def test_end_follows_delayed_frames() -> None:
    async def scene() -> None:
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, {"do": {"delay": 0.05}}) as harness,
            harness.line_client() as (reader, writer),
        ):
            writer.write(b"a\nb\nthe rest")
            writer.write_eof()

            assert await reader.read() == b"a\nb\nthe restbye\n"

    play(scene)


def test_a_connection_that_breaks_while_frames_wait_breaks_on_the_other_side_too() -> None:
    broken = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except ConnectionResetError:
            broken.set()

    async def scene() -> None:
        async with tcp_server(wait) as port, proxy_before(port, {"do": {"delay": 60}}) as harness:
            client = socket.create_connection(("127.0.0.1", harness.port))
            client.sendall(b"hello\n")
            await seen(lambda: len(harness.entries) == 2)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            await broken.wait()

    play(scene)


def test_order_is_preserved_under_many_faults() -> None:
    rules: list[dict[str, Any]] = [
        {"do": {"delay": 0.001, "jitter": 0.003}},
        {"do": {"cut": "random"}, "probability": 0.5},
        {"do": {"join": 3}, "probability": 0.3},
        {"do": {"duplicate": 2}, "probability": 0.3},
        {"do": {"drop": True}, "probability": 0.2},
    ]

    async def scene() -> None:
        async with (
            tcp_server(echo_lines) as port,
            proxy_before(port, *rules) as harness,
            harness.line_client() as (reader, writer),
        ):
            for number in range(100):
                writer.write(b"%04d\n" % number)
            writer.write_eof()
            lines = (await reader.read()).splitlines()

        assert len(lines) > 50
        assert all(one <= next_ for one, next_ in pairwise(lines))

    play(scene)
