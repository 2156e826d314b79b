"""Clients of other protocols on the port for lines: nothing that they send takes effect."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING

import pytest
from live_lines import OK, OpenLinesServer
from raw_client import PATIENCE_SECONDS

from chateau.net.frames import Violation
from chateau.net.lines import FOREIGN, LineDecoder
from chateau.net.openings import HTTP, TLS, UTF_16, is_request_line

if TYPE_CHECKING:
    from chateau.net.frames import Received

COMMANDS = b"LOGIN eve\r\nJOIN lobby\r\nspam\r\n"
LOGIN_REQUIRED = {"type": "error", "error": "Login required"}

REQUEST_LINES = {
    "GET": b"GET / HTTP/1.1",
    "POST, as a page sends it": b"POST / HTTP/1.1",
    "a method of WebDAV": b"PROPFIND /a/b?c=d HTTP/1.1",
    "a method that does not exist": b"M-SEARCH! * HTTP/1.1",
    "lower case": b"get / http/1.1",
    "HTTP/1.0": b"GET / HTTP/1.0",
    "a later version": b"POST / HTTP/3",
    "the preface of HTTP/2": b"PRI * HTTP/2.0",
    "absolute-form": b"POST http://localhost:9090/x HTTP/1.1",
    "absolute-form of another scheme": b"GET ftp://localhost/ HTTP/1.1",
    "authority-form": b"CONNECT localhost:9090 HTTP/1.1",
    "authority-form with an address": b"CONNECT [::1]:9090 HTTP/1.1",
    "asterisk-form": b"OPTIONS * HTTP/1.1",
    "a command in the target": b"POST /LOGIN%20eve HTTP/1.1",
    "bytes that are not UTF-8": b"GET /caf\xe9 HTTP/1.1",
    "white space around it": b" GET\t/  HTTP/1.1 ",
    "a target with a space": b"GET /a b HTTP/1.1",
    "a method like a command": b"LOGIN / HTTP/1.1",
}

HELLOS = {
    "TLS 1.3": bytes.fromhex("16030100f8010000f40303") + bytes(range(128, 256)),
    "TLS 1.0 that looks like a command behind it": b"\x16\x03\x01\x00\x20\nLOGIN eve\n",
    "TLS 1.3's own version": b"\x16\x03\x03\x00\x20\x01",
    "SSLv3": b"\x16\x03\x00\x00\x20\x01",
    "an SSLv2 hello for TLS": b"\x80\x2e\x01\x03\x01\x00\x15",
    "an SSLv2 hello": b"\x80\x1c\x01\x00\x02\x00\x03",
    "a long SSLv2 hello": b"\x81\x00\x01\x03\x03\x00\xd2",
}

UTF_16_TEXT = {
    "little-endian": "\ufeffLOGIN eve\r\n".encode("utf-16-le"),
    "big-endian": "\ufeffLOGIN eve\r\n".encode("utf-16-be"),
    "little-endian, an empty line first": "\ufeff\nLOGIN eve\n".encode("utf-16-le"),
}

LOOK_ALIKES = [
    b"GET",
    b"GET /",
    b"GET / please",
    b"POST it",
    b"I like HTTP/1.1",
    b"HTTP/1.1 200 OK",
    b"what is HTTP/2",
    b"GET / HTTP",
    b"GET / HTTP/1.1 or not",
    b"MSG bob see HTTP/1.1",
    b"PRI",
    b"/me likes HTTP/2",
    b"\x16",
    b"\x16\x02\x01",
    b"\x03\x16",
]


@pytest.fixture(params=["fast", "tornado"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def foreign(kind: str) -> list[Received]:
    return [Violation(1008, FOREIGN[kind], is_foreign=True)]


def texts(received: list[Received]) -> list[Received]:
    """Return *received* without blank lines, which the protocol ignores."""
    return [each for each in received if each.__class__ is not str or each.strip()]  # type: ignore[union-attr]


def check_in_pieces(data: bytes, expected: list[Received]) -> None:
    """Check that *data* is decoded as *expected*, whole and in pieces of one and of three bytes."""
    for size in (len(data), 1, 3):
        decoder = LineDecoder(16_384)
        received: list[Received] = []
        for start in range(0, len(data), size):
            received += decoder.feed(data[start : start + size])
        assert texts(received) == expected


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\n \n\r\0\t\n", b"\xef\xbb\xbf", b"\xff\xf1"])
@pytest.mark.parametrize("line", REQUEST_LINES.values(), ids=REQUEST_LINES.keys())
def test_http_request_is_a_violation_and_nothing_behind_it_is_decoded(line: bytes, before: bytes) -> None:
    check_in_pieces(before + line + b"\r\nHost: localhost\r\n\r\n" + COMMANDS, foreign(HTTP))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0"])
def test_http_request_may_have_any_end_of_a_line(end: bytes) -> None:
    check_in_pieces(b"POST / HTTP/1.1" + end + COMMANDS, foreign(HTTP))


@pytest.mark.parametrize("hello", HELLOS.values(), ids=HELLOS.keys())
def test_tls_hello_is_a_violation_and_nothing_behind_it_is_decoded(hello: bytes) -> None:
    check_in_pieces(hello + b"\r\n" + COMMANDS, foreign(TLS))


@pytest.mark.parametrize("text", UTF_16_TEXT.values(), ids=UTF_16_TEXT.keys())
def test_utf_16_is_a_violation(text: bytes) -> None:
    check_in_pieces(text, foreign(UTF_16))


@pytest.mark.parametrize("line", LOOK_ALIKES)
def test_line_that_only_looks_similar_is_decoded(line: bytes) -> None:
    check_in_pieces(line + b"\nWHO\n", [line.decode(), "WHO"])


@pytest.mark.parametrize("line", REQUEST_LINES.values(), ids=REQUEST_LINES.keys())
def test_request_line_inside_a_conversation_is_text(line: bytes) -> None:
    assert is_request_line(line)
    decoder = LineDecoder(16_384)

    assert decoder.feed(b"LOGIN bob\n") == ["LOGIN bob"]
    assert len(decoder.feed(line + b"\nWHO\n")) == 2


def test_request_line_without_an_end_is_bounded() -> None:
    decoder = LineDecoder(16)

    assert decoder.feed(b"GET /" + b"x" * 20) == [Violation(1009, "A line has at most 16 bytes.")]
    assert decoder.feed(b" HTTP/1.1\r\n" + COMMANDS) == []


# Connections


async def sends(server: object, data: bytes, *, pieces: bool) -> list[dict[str, str]]:
    """Return the lines that a client gets that sends *data*, until the connection is ended."""
    client = await server.client()  # type: ignore[attr-defined]
    if pieces:
        for start in range(0, len(data), 7):
            client.send(data[start : start + 7])
            await asyncio.sleep(0.001)
    else:
        client.send(data)
    received: list[dict[str, str]] = await client.rest()
    await client.leave()
    return received


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "pieces"])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: localhost:9090\r\nContent-Type: text/plain\r\n\r\n" + COMMANDS,
            HTTP,
            id="a page's POST",
        ),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + COMMANDS, HTTP, id="HTTP/2"),
        pytest.param(HELLOS["TLS 1.3"] + b"\n" + COMMANDS, TLS, id="TLS"),
        pytest.param(UTF_16_TEXT["little-endian"], UTF_16, id="UTF-16"),
    ],
)
async def test_foreign_client_is_disconnected_and_nothing_runs(
    open_lines_server: OpenLinesServer,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
    kind: str,
    pieces: bool,
) -> None:
    caplog.set_level(logging.INFO)
    server = open_lines_server()
    alice = await server.member("alice", "lobby")

    assert await sends(server, data, pieces=pieces) == [{"type": "error", "error": FOREIGN[kind]}]

    await server.until(1)
    alice.send(b"WHO\n")
    assert await alice.receive_json() == OK | {"users": ["alice"]}
    logged = [record.getMessage() for record in caplog.records if "is disconnected" in record.getMessage()]
    assert logged == [f"the client at 127.0.0.1 is disconnected: {FOREIGN[kind]}"]


@pytest.mark.gen_test(timeout=30)
async def test_line_that_only_looks_similar_gets_the_response_of_the_seed(
    open_lines_server: OpenLinesServer,
) -> None:
    client = await open_lines_server().client()

    for line in LOOK_ALIKES:
        client.send(line + b"\r\n")
        assert await client.receive_json() == LOGIN_REQUIRED
    client.send(b"LOGIN bob\r\nJOIN x\r\n")
    await client.receive_all(3)
    client.send(b"GET / HTTP/1.1\r\n")

    assert await client.receive_json() == OK
    assert (await client.receive_json())["body"] == "GET / HTTP/1.1"


@pytest.mark.gen_test(timeout=30)
async def test_real_tls_client_gets_an_error(open_lines_server: OpenLinesServer) -> None:
    server = open_lines_server()
    context = ssl.create_default_context()

    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname="localhost")

    await server.until(0)
