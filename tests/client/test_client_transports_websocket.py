"""The WebSocket connection, against servers that do it right and servers that do not."""

import asyncio
import json
import socket
from collections.abc import Coroutine
from typing import Any

import pytest
from raw_server import (
    Entries,
    Script,
    accepting,
    answering,
    frame,
    head,
    reset,
    saying,
    serving,
)

from chateau.client.transcript import Opcode, close_payload
from chateau.client.transports import (
    CannotConnect,
    Connection,
    ConnectionClosed,
    NotPossible,
    Target,
    open_connection,
)

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A
OK = frame(TEXT, b"ok")


def play(test: Coroutine[Any, Any, Any]) -> Any:
    async def within() -> Any:
        async with asyncio.timeout(8):
            return await test

    return asyncio.run(within())


async def opened(port: int, entries: Entries, *, timeout_seconds: float = 5.0, **more: Any) -> Connection:
    return await open_connection(
        "alice", Target("chateau", f"ws://127.0.0.1:{port}/ws", **more), entries.append, timeout_seconds
    )


async def watched(script: Script) -> tuple[Entries, Connection]:
    """What came over a connection that only listened, until the server ended it."""
    entries = Entries()
    async with serving(script) as port:
        connection = await opened(port, entries)
        await connection.wait_closed(5)
        connection.abort()
    return entries, connection


async def refused(script: Script, timeout_seconds: float = 5.0, **more: Any) -> CannotConnect:
    async with serving(script) as port:
        with pytest.raises(CannotConnect) as caught:
            await opened(port, Entries(), timeout_seconds=timeout_seconds, **more)
    return caught.value


# What goes over it


def test_connection_records_its_opening_and_every_frame_in_order() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)) + OK)
        await reader.read(100)
        writer.write(frame(BINARY, b"\x00\xff") + frame(CLOSE, close_payload(1001, "bye")))
        await reader.read()

    async def conversation() -> Entries:
        entries = Entries()
        async with serving(echo) as port:
            connection = await opened(port, entries)
            await entries.until(1)
            await connection.send(Opcode.TEXT, b"hi")
            await connection.wait_closed(5)
            assert not connection.is_open
            assert connection.protocol_error is None
            with pytest.raises(ConnectionClosed):
                await connection.send(Opcode.TEXT, b"too late")
            connection.abort()
        return entries

    entries = play(conversation())

    assert [(entry.direction, entry.opcode) for entry in entries] == [
        ("sent", "open"),
        ("received", "text"),
        ("sent", "text"),
        ("received", "binary"),
        ("received", "close"),
        ("sent", "close"),
    ]
    assert json.loads(entries[0].payload)["protocol"] == "chateau"
    assert entries[4].payload == close_payload(1001, "bye")
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_pings_get_pongs_and_fragments_are_joined() -> None:
    script = saying(
        frame(0x01, "caf\u00e9".encode()[:4]),
        frame(PING, b"still there?"),
        frame(0x00, b""),
        frame(CONTINUED, "caf\u00e9".encode()[4:]),
        frame(CLOSE, b""),
    )

    entries, connection = play(watched(script))

    assert entries.received == [
        (Opcode.PING, b"still there?"),
        (Opcode.TEXT, "caf\u00e9".encode()),
        (Opcode.CLOSE, b""),
    ]
    assert entries.sent[1:] == [(Opcode.PONG, b"still there?"), (Opcode.CLOSE, b"")]
    assert connection.protocol_error is None


def test_a_frame_can_be_cut_anywhere_and_a_pong_does_not_come_between() -> None:
    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        pieces.append(await reader.read(100))
        writer.write(frame(PING, b"now"))
        pieces.extend([await reader.read(100) for _ in range(3)])
        await reader.read()

    async def conversation() -> None:
        async with serving(whole) as port:
            connection = await opened(port, entries)
            await connection.send(Opcode.TEXT, b"hello", [1, 4, 8], 0.02)
            await entries.until(1)
            await asyncio.sleep(0.02)
            connection.abort()

    pieces: list[bytes] = []
    entries = Entries()

    play(conversation())

    assert [len(piece) for piece in pieces[:3]] == [1, 3, 4]
    assert pieces[3][3:5] == b"\x8a\x83"  # the rest of hello, and behind it the pong
    assert [opcode for opcode, _ in entries.sent][:3] == [Opcode.OPEN, Opcode.TEXT, Opcode.PONG]


def test_raw_bytes_are_sent_unchanged_also_after_a_close() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        came.append(await reader.read())

    async def conversation() -> None:
        async with serving(listen) as port:
            connection = await opened(port, Entries())
            await connection.send_raw(b"\xff\x00")
            await connection.close(4000, "enough")
            await connection.send_raw(b"after", 1, 0)
            await connection.half_close()
            with pytest.raises(ConnectionClosed):
                await connection.send_raw(b"never")
            await connection.wait_closed(5)
            connection.abort()

    came: list[bytes] = []

    play(conversation())

    assert came[0].startswith(b"\xff\x00\x88\x88")
    assert came[0].endswith(b"after")


def test_abort_resets_the_connection_and_is_idempotent() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        try:
            await reader.read()
        except ConnectionResetError:
            was_reset.set()

    async def conversation() -> None:
        async with serving(listen) as port:
            connection = await opened(port, entries)
            connection.abort()
            connection.abort()
            await connection.wait_closed(0)
            await asyncio.wait_for(was_reset.wait(), 5)

    was_reset = asyncio.Event()
    entries = Entries()

    play(conversation())

    assert [entry.text for entry in entries[1:]] == ["1006 abort"]


def test_half_closed_connection_continues_to_read() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        await reader.read()
        writer.write(OK)

    async def conversation() -> None:
        async with serving(listen) as port:
            connection = await opened(port, entries)
            await connection.half_close()
            assert connection.is_open
            with pytest.raises(ConnectionClosed):
                await connection.send(Opcode.TEXT, b"more")
            await connection.wait_closed(5)
            connection.abort()

    entries = Entries()

    play(conversation())

    assert entries.received == [(Opcode.TEXT, b"ok"), (Opcode.CLOSE, b"")]


def test_oversized_control_frame_is_rejected_before_it_is_recorded() -> None:
    async def conversation() -> Entries:
        entries = Entries()
        async with serving(saying()) as port:
            connection = await opened(port, entries)
            for opcode, payload in ((Opcode.PING, bytes(126)), (Opcode.LINE, b"LOGIN alice")):
                with pytest.raises(NotPossible):
                    await connection.send(opcode, payload)
            for code, reason in ((70000, ""), (1000, "x" * 124)):
                with pytest.raises(NotPossible):
                    await connection.close(code, reason)
            assert connection.is_open
            connection.abort()
        return entries

    assert len(play(conversation())) == 2


def test_wait_closed_has_a_timeout() -> None:
    async def conversation() -> None:
        async with serving(saying()) as port:
            connection = await opened(port, Entries())
            with pytest.raises(TimeoutError):
                await connection.wait_closed(0.05)
            connection.abort()

    play(conversation())


def test_given_headers_replace_those_of_the_handshake() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head(reader))
        writer.write(accepting(heads[0]).replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"))
        await reader.read()

    async def conversation() -> None:
        headers = (
            ("Origin", "http://evil.example"),
            ("host", "other"),
            ("Sec-WebSocket-Protocol", "talk, chat"),
        )
        async with serving(listen) as port:
            connection = await opened(port, Entries(), headers=headers, local_address="127.0.0.2")
            connection.abort()

    heads: list[bytes] = []

    play(conversation())

    assert b"Origin: http://evil.example\r\n" in heads[0]
    assert heads[0].lower().count(b"\r\nhost:") == 1
    assert b"host: other\r\n" in heads[0]


# Handshakes that fail


@pytest.mark.parametrize(
    ("script", "words", "status"),
    [
        (answering(b""), "without a response", None),
        (answering(b"", then="reset"), "reset the connection", None),
        (answering(b"HTTP/1.1 101 Swi", then="reset"), "reset the connection", None),
        (
            answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", then="wait"),
            "404 Not Found: nope",
            404,
        ),
        (answering(b"HTTP/1.0 403 Forbidden\r\n\r\n" + b"x" * 1000), f"403 Forbidden: {'x' * 200}", 403),
        (answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nno"), "403 Forbidden: no", 403),
        (
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
            "200 OK: hi",
            200,
        ),
        (answering(b"HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n"), "the server responds with 599", 599),
        (answering(b"220 mail.example ESMTP\r\n\r\n"), "wrong: unsupported protocol", None),
        (
            answering(b"\x15\x03\x01\x00\x02\x02\x46" * 9000),
            "the server's response to the handshake is wrong",
            None,
        ),
        (
            answering(
                b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: no\r\n\r\n"
            ),
            "Sec-WebSocket-Accept header: no (RFC 6455",
            None,
        ),
        (answering(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n"), "missing Upgrade header", None),
        (answering(b"HTTP/1.1 101 X\r\nUpgrade: ,,\r\nConnection: ;;\r\n\r\n"), "header", None),
    ],
)
def test_failed_handshake_is_an_error(script: Script, words: str, status: int | None) -> None:
    error = play(refused(script))

    assert words in str(error)
    assert str(error).startswith("cannot connect to ws://127.0.0.1:")
    assert error.status == status


@pytest.mark.parametrize(
    ("answer", "words", "status"),
    [
        (b"", "the server sends nothing (waited 1 s)", None),
        (b"HTTP/1.1 101 Switching", "is not complete (waited 1 s)", None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nhow rude", "400 Bad Request: how rude", 400),
    ],
)
def test_incomplete_handshake_times_out(answer: bytes, words: str, status: Any) -> None:
    error = play(refused(answering(answer, then="wait"), 1.0))

    assert words in str(error)
    assert error.status == status


def test_connection_fails_without_a_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        with pytest.raises(CannotConnect, match=r"connection refused$"):
            play(opened(port, Entries()))


def test_an_address_that_is_not_ours_cannot_be_connected_from() -> None:
    error = play(refused(saying(), local_address="192.0.2.1"))

    assert "bind" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "ws://",
        "ws://localhost:x/",
        "ws://localhost:99999/",
        "ws://[::1/",
        "gopher://localhost:70/",
        "localhost:8888",
        "tcp://localhost",
        "ws://user@localhost:8888/",
        "ws://localhost:8888/#part",
        "ws://" + "a" * 70 + ".example:1/",
        "tcp://a..b:1",
        "",
    ],
)
def test_invalid_url_is_an_error(url: str) -> None:
    with pytest.raises(CannotConnect):
        play(open_connection("alice", Target("chateau", url), Entries().append))


# Framing that is broken


@pytest.mark.parametrize(
    ("writes", "flaw", "code"),
    [
        ([frame(TEXT, b"hi", mask=True)], "masked a frame, which only a client does (RFC 6455 §5.1)", 1002),
        ([frame(0xC1, b"hi")], "reserved bit", 1002),
        ([frame(0x83, b"hi")], "opcode that is not defined", 1002),
        ([frame(0x8B, b"")], "opcode that is not defined", 1002),
        ([frame(0x09, b"ping")], "control frame in fragments", 1002),
        ([frame(PING, bytes(126))], "more than 125 bytes", 1002),
        ([frame(CONTINUED, b"end")], "continued a message that it had not begun", 1002),
        ([frame(0x01, b"a"), frame(TEXT, b"b")], "began a message in the middle of another", 1002),
        ([frame(0x01, b"a"), frame(CLOSE, b"")], "closed in the middle of a message", 1002),
        ([frame(CLOSE, b"\x03")], "half a code", 1002),
        ([frame(CLOSE, b"\x03\xed")], "a code that must not be sent (RFC 6455 §7.4)", 1002),
        ([frame(CLOSE, b"\x03\xe8\xff")], "the reason of the server's close is not UTF-8", 1007),
        ([frame(TEXT, b"hi \xff")], "a text message that is not UTF-8, at byte 3", 1007),
        ([frame(0x01, b"\xe2\x82"), frame(CONTINUED, b"x")], "a text message that is not UTF-8", 1007),
        ([b"\x82\x7f" + (2**27).to_bytes(8, "big")], "more than 64 MiB", 1009),
        ([b"\x82\x7f" + b"\xff" * 8], "more than 64 MiB", 1009),
    ],
)
def test_broken_framing_is_a_protocol_error_and_ends_the_connection(
    writes: list[bytes], flaw: str, code: int
) -> None:
    entries, connection = play(watched(saying(OK + b"".join(writes) + OK)))

    assert connection.protocol_error is not None
    assert flaw in connection.protocol_error
    assert entries.received == [(Opcode.TEXT, b"ok"), (Opcode.CLOSE, b"")]
    assert entries.sent[1:] == [(Opcode.CLOSE, close_payload(code))]


@pytest.mark.parametrize(
    ("write", "flaw"),
    [
        (b"", None),
        (b"\x81", "in the middle of a frame"),
        (b"\x81\x05he", "in the middle of a frame"),
        (frame(0x01, b"a"), "in the middle of a message"),
    ],
)
def test_connection_without_a_close_frame_has_no_code(write: bytes, flaw: str | None) -> None:
    entries, connection = play(watched(saying(OK + write, then="close")))

    assert entries.received == [(Opcode.TEXT, b"ok"), (Opcode.CLOSE, b"")]
    assert (flaw or "") in (connection.protocol_error or "")
    assert (connection.protocol_error is None) == (flaw is None)


def test_reset_ends_a_connection() -> None:
    entries, connection = play(watched(saying(OK, then="reset")))

    assert entries.received == [(Opcode.TEXT, b"ok"), (Opcode.CLOSE, b"")]
    assert connection.protocol_error is None


def test_frames_after_the_close_of_the_server_are_ignored() -> None:
    entries, _ = play(watched(saying(frame(CLOSE, b"\x03\xe8") + OK + b"\xff\xff", OK, then="close")))

    assert entries.received == [(Opcode.CLOSE, b"\x03\xe8")]


def test_client_reads_while_it_sends() -> None:
    frames = 5_000

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        for _ in range(frames // 100):
            writer.write(OK * 100)
            await writer.drain()
        await reader.read()

    async def conversation() -> Entries:
        entries = Entries()
        async with serving(flood) as port:
            connection = await opened(port, entries)
            for _ in range(100):
                await connection.send(Opcode.TEXT, b"please stop")
            await entries.until(frames)
            connection.abort()
        return entries

    assert play(conversation()).received == [(Opcode.TEXT, b"ok")] * frames


def test_a_server_that_hangs_up_on_a_long_write_does_not_hang_the_client() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        await reader.read(10)
        reset(writer)

    async def conversation() -> None:
        async with serving(hang_up) as port:
            connection = await opened(port, Entries())
            await connection.send(Opcode.BINARY, bytes(30_000_000))
            await connection.wait_closed(5)
            connection.abort()

    play(conversation())


def test_hundreds_of_connections_are_open_at_once() -> None:
    async def conversation() -> int:
        entries = Entries()
        async with serving(saying(OK)) as port:
            transports = await asyncio.gather(*(opened(port, entries) for _ in range(100)))
            await entries.until(100)
            for connection in transports:
                connection.abort()
        return len(entries.received)

    assert play(conversation()) == 100
