"""HTTP: single requests, and streams of server-sent events."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from raw_server import Entries, Script, answering, head, reset, serving

from chateau.client.transcript import Direction, Opcode
from chateau.client.transports import (
    CannotConnect,
    Connection,
    ConnectionClosed,
    RequestFailed,
    Target,
    event_fields,
    http,
    open_connection,
)
from chateau.client.transports.http import Response, request

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def play(test: Coroutine[Any, Any, Any]) -> Any:
    async def within() -> Any:
        async with asyncio.timeout(8):
            return await test

    return asyncio.run(within())


async def asked(
    script: Script,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    entries: Entries | None = None,
    timeout_seconds: float = 5.0,
    path: str = "/channel/lobby/?pwd=1",
) -> Response:
    entries = Entries() if entries is None else entries
    async with serving(script) as port:
        url = f"http://127.0.0.1:{port}{path}"
        return await request("carol", method, url, headers, body, entries.append, timeout_seconds)


# Requests


def test_request_and_response_are_recorded_unchanged() -> None:
    entries = Entries()

    response = play(
        asked(
            answering(
                b'HTTP/1.1 201 Created\r\nX-Delivered: 3\r\nContent-Length: 4\r\n\r\n"OK"', then="wait"
            ),
            "POST",
            (("Package-Type", "json"),),
            b"{}",
            entries,
        )
    )

    assert response == Response(201, (("X-Delivered", "3"), ("Content-Length", "4")), b'"OK"')
    assert [(entry.client, entry.direction, entry.opcode) for entry in entries] == [
        ("carol", Direction.SENT, Opcode.REQUEST),
        ("carol", Direction.RECEIVED, Opcode.RESPONSE),
    ]
    lines = entries[0].payload.split(b"\r\n")
    assert lines[0] == b"POST /channel/lobby/?pwd=1 HTTP/1.1"
    assert lines[1].startswith(b"Host: 127.0.0.1:")
    assert lines[2:] == [b"Package-Type: json", b"Connection: close", b"Content-Length: 2", b"", b"{}"]
    assert entries[1].payload == b'HTTP/1.1 201 Created\r\nX-Delivered: 3\r\nContent-Length: 4\r\n\r\n"OK"'


@pytest.mark.parametrize(
    ("answer", "method", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            "GET",
            b"abcde",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", "HEAD", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "PUT", b"x"),
    ],
)
def test_response_ends_where_http_defines_it(answer: bytes, method: str, body: bytes) -> None:
    assert play(asked(answering(answer, then="wait"), method)).body == body


def test_response_without_a_length_ends_with_the_connection() -> None:
    assert play(asked(answering(b"HTTP/1.0 200 OK\r\n\r\nall of it"))).body == b"all of it"


def test_a_request_may_ask_for_another_protocol() -> None:
    answer = answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00", then="wait")

    assert play(asked(answer, headers=(("Upgrade", "websocket"), ("Connection", "Upgrade")))).status == 101


@pytest.mark.parametrize(
    ("answer", "then", "words"),
    [
        (b"", "close", "without a response"),
        (b"", "reset", "without a response"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "close", "without a response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "close", "before its response was complete"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
            "close",
            "before its response was complete",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "wait", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "wait", "is not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "wait", "is not HTTP"),
        (b"no such thing\r\n\r\n", "wait", "is not HTTP"),
        (b"x" * 100_000, "wait", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n", "wait", "no whole response to GET"),
    ],
)
def test_invalid_response_is_an_error(answer: bytes, then: str, words: str) -> None:
    seconds = 1.0 if words.startswith("no whole response") else 30.0  # only that one waits for the limit

    with pytest.raises(RequestFailed, match=words):
        play(asked(answering(answer, then), timeout_seconds=seconds))


def test_request_fails_without_a_server() -> None:
    entries = Entries()

    with pytest.raises(CannotConnect, match="connection refused"):
        play(request("carol", "GET", "http://127.0.0.1:1/", (), b"", entries.append, 1.0))

    assert entries == []


def test_early_response_is_read() -> None:
    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)
        reset(writer)

    assert play(asked(impatient, "POST", (), bytes(20_000_000))).status == 413


def test_given_headers_replace_default_ones() -> None:
    entries = Entries()
    headers = (
        ("host", "other"),
        ("content-length", "7"),
        ("connection", "keep-alive"),
        ("X", "\u00e9\u2603"),
    )

    play(
        asked(
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", then="wait"),
            "GET",
            headers,
            b"abc",
            entries,
        )
    )

    expected = "host: other\r\ncontent-length: 7\r\nconnection: keep-alive\r\nX: \u00e9\u2603\r\n\r\nabc"
    assert entries[0].payload.partition(b"\r\n")[2] == expected.encode()


def test_body_is_chunked_if_the_headers_require_it() -> None:
    entries = Entries()

    play(
        asked(
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", then="wait"),
            "POST",
            (("Transfer-Encoding", "chunked"),),
            b"hello",
            entries,
        )
    )

    assert entries[0].payload.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert b"Content-Length" not in entries[0].payload


# Streams of events


async def opened(port: int, entries: Entries, timeout_seconds: float = 5.0) -> Connection:
    target = Target("http", f"http://127.0.0.1:{port}/channel/lobby/", (("Last-Event-ID", "7"),))
    return await open_connection("dave", target, entries.append, timeout_seconds)


async def streamed(answer: bytes, then: str = "close") -> tuple[Entries, Connection]:
    entries = Entries()
    async with serving(answering(answer, then)) as port:
        connection = await opened(port, entries)
        await connection.wait_closed(5)
        connection.abort()
    return entries, connection


def test_event_is_received_as_its_lines() -> None:
    body = (
        b"\xef\xbb\xbf: welcome\n\nid: 1\ndata: one\n\ndata:two\r\ndata: lines\r\n\r\n"
        b"event: joined\rdata: {}\r\rid: 9\n\ndata\n\n"
    )

    entries, connection = play(streamed(STREAM + body))

    assert [payload for _, payload in entries.received] == [
        b"id: 1\ndata: one",
        b"data:two\ndata: lines",
        b"event: joined\ndata: {}",
        b"data",
        b"",
    ]
    assert entries.received[-1][0] is Opcode.CLOSE
    assert connection.protocol_error is None
    assert json.loads(entries.sent[0][1])["headers"] == [["Last-Event-ID", "7"]]


def test_events_are_found_in_chunks_cut_anywhere() -> None:
    body = "id: 1\r\ndata: caf\u00e9\r\n\r\nid: 2\rdata: x\r\r".encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"

    entries, _ = play(streamed(CHUNKED + chunks, then="wait"))

    assert [payload.decode() for _, payload in entries.received] == [
        "id: 1\ndata: caf\u00e9",
        "id: 2\ndata: x",
        "",
    ]


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        (b"id: 1\ndata: one", {"id": "1", "data": "one"}),
        (b"data:two\ndata:  lines\nretry: 5\n: comment", {"data": "two\n lines"}),
        (b"event:bytes\ndata\ndata", {"event": "bytes", "data": "\n"}),
        (b"data: a: b", {"data": "a: b"}),
    ],
)
def test_event_fields_are_parsed(payload: bytes, fields: dict[str, str]) -> None:
    assert event_fields(payload) == fields


@pytest.mark.parametrize(
    ("answer", "then", "words", "status"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "wait", "403 Forbidden: no", 403),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno", "close", "403 Forbidden: no", 403),
        (b"HTTP/1.1 403 Forbidden\r\n\r\nno", "wait", "403 Forbidden: no", 403),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "wait", "204 No Content", 204),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
            "wait",
            "text/html, not text/event-stream",
            None,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", "wait", "of no type, not text/event-stream", None),
        (b"", "close", "without a response", None),
        (b"HTTP/1.1 2", "close", "before its response was complete", None),
        (b"HTTP/1.1 2", "wait", "not complete", None),
        (b"", "wait", "the server sends nothing", None),
        (b"what?\r\n\r\n", "wait", "is not HTTP", None),
    ],
)
def test_rejected_stream_is_an_error(answer: bytes, then: str, words: str, status: int | None) -> None:
    waits = {"403 Forbidden: no", "not complete", "the server sends nothing"}  # for the limit, and no other
    seconds = 1.0 if words in waits else 30.0

    async def conversation() -> None:
        async with serving(answering(answer, then)) as port:
            with pytest.raises(CannotConnect, match=words) as caught:
                await opened(port, Entries(), seconds)
        assert caught.value.status == status

    play(conversation())


@pytest.mark.parametrize(
    ("rest", "then", "flaw"),
    [
        (STREAM + b"data: ok\n\ndata: hal", "close", "in the middle of an event: 'data: hal'"),
        (STREAM + b"data: ok\n\ndata: \xff\n\n", "wait", "an event that is not UTF-8"),
        (STREAM + b"data: ok\n\n" + b"data: xxx\n" * 500, "wait", "an event of more than"),
        (CHUNKED + b"a\r\ndata: ok\n\n\r\nzz\r\n", "wait", "the server broke HTTP"),
        (CHUNKED + b"a\r\ndata: ok\n\n\r\n5\r\n", "close", "the server broke HTTP"),
    ],
)
def test_broken_stream_is_a_protocol_error(
    rest: bytes, then: str, flaw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BYTES", 4000)

    entries, connection = play(streamed(rest, then))

    assert flaw in (connection.protocol_error or "")
    assert entries.received == [(Opcode.EVENT, b"data: ok"), (Opcode.CLOSE, b"")]


def test_nothing_can_be_sent_on_a_stream() -> None:
    async def conversation() -> Entries:
        entries = Entries()
        async with serving(answering(STREAM, then="wait")) as port:
            connection = await opened(port, entries)
            with pytest.raises(ConnectionClosed):
                await connection.send(Opcode.TEXT, b"hello")
            await connection.close()
            await connection.wait_closed(5)
            connection.abort()
        return entries

    assert [opcode for opcode, _ in play(conversation()).sent] == [Opcode.OPEN, Opcode.CLOSE]
