"""Clients of other protocols on a port for HTTP, and of HTTP on a port for TLS: a 400 and a log line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import TYPE_CHECKING

import pytest
from raw_client import PATIENCE_SECONDS, RawClient
from running_server import free_port

from chateau.net.foreign_clients import LINGER_SECONDS, NEEDS_TLS, NO_LINES, NO_TLS
from chateau.net.openings import HTTP, LINE_BYTES, LINES, TLS, UNDECIDED, UTF_16, opening_for_http

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)

HELLO = bytes.fromhex("16030100f8010000f40303") + bytes(range(128, 256))
NOT_HTTP = {
    "lines": b"LOGIN bob\r\nJOIN x\r\n",
    "lines after an empty one": b"\r\nLOGIN bob\r\n",
    "Ctrl-C in telnet": bytes.fromhex("fff4fffd06"),
    "PuTTY": bytes.fromhex("fffb1ffffb20fffb18fffb27fffd01fffb03fffd03"),
    "JSON": b'{"type": 1, "username": "bob"}\n',
    "UTF-16": "\ufeffGET / HTTP/1.1\r\n".encode("utf-16-le"),
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "NUL": b"\0\0\0\n",
    "a mail program": b"EHLO localhost\r\n",
}


plain = pytest.mark.parametrize("transport", ["fast", "tornado"])
only_tls = pytest.mark.parametrize("transport", ["tls"])


async def connect_plain(server: LiveServer) -> RawClient:
    """Return a client without TLS, whatever the server has."""
    client = await RawClient.connect(server.port)
    server.clients.append(client)
    return client


async def check_rejected(client: RawClient, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """Check that *client* gets a 400 with *reason* and the end of the connection, and that this is logged."""
    response = await client.response()
    assert response.status == 400
    assert response.headers["connection"] == "close"
    assert response.body.decode() == f"{reason}\n"
    assert await client.end() == b""
    logged = [record.getMessage() for record in caplog.records if "is disconnected" in record.getMessage()]
    assert logged == [f"the client at 127.0.0.1 is disconnected: {reason}"]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP.keys())
@pytest.mark.parametrize("size", [1, 5, 1_000])
async def test_client_that_does_not_use_http_gets_a_400(
    open_server: OpenServer, caplog: pytest.LogCaptureFixture, data: bytes, size: int
) -> None:
    caplog.set_level(logging.INFO)
    client = await open_server().connect()

    for start in range(0, len(data), size):
        client.send(data[start : start + size])
        await asyncio.sleep(0.001)

    await check_rejected(client, NO_LINES, caplog)


@plain
@pytest.mark.parametrize("hello", [HELLO, b"\x16\x03\x03\n\n", b"\x80\x2e\x01\x03\x01\x00\x15\r\n\r\n"])
async def test_tls_hello_on_a_port_without_tls_gets_a_400(
    open_server: OpenServer, caplog: pytest.LogCaptureFixture, hello: bytes
) -> None:
    caplog.set_level(logging.INFO)
    client = await open_server().connect()

    client.send(hello)

    await check_rejected(client, NO_TLS, caplog)


@plain
async def test_real_tls_client_on_a_port_without_tls_is_disconnected_at_once(open_server: OpenServer) -> None:
    server = open_server()
    context = ssl.create_default_context()

    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname="localhost")


@only_tls
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        *NOT_HTTP.values(),
        b"x" * 100_000,
    ],
    ids=lambda data: data[:12],
)
async def test_client_without_tls_on_a_port_with_tls_gets_a_400(
    open_server: OpenServer, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    caplog.set_level(logging.INFO)
    client = await connect_plain(open_server())

    client.send(data)

    await check_rejected(client, NEEDS_TLS, caplog)


@only_tls
async def test_tls_client_may_pause_before_and_in_its_handshake(open_server: OpenServer) -> None:
    server = open_server()
    context = server.tls
    assert context is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    client = await connect_plain(server)

    await asyncio.sleep(0.05)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    client.send(hello[:1])
    await asyncio.sleep(0.05)
    client.send(hello[1:])
    async with asyncio.timeout(PATIENCE_SECONDS):
        incoming.write(await client.reader.read(65_536))
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(await client.reader.read(65_536))

    assert tls.version() is not None


async def test_rejected_client_that_stays_is_disconnected(open_server: OpenServer) -> None:
    server = open_server()
    client = await (connect_plain(server) if server.tls else server.connect())

    client.send(b"hello\n")
    assert (await client.response()).status == 400
    for _ in range(64):
        client.send(b"x" * 65_536)
        await asyncio.sleep(0)

    async with asyncio.timeout(LINGER_SECONDS + PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionError):
            while not client.writer.transport.is_closing():
                client.send(b"x")
                await asyncio.sleep(0.05)


@plain
async def test_port_of_one_protocol_rejects_lines_too(
    open_server: OpenServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    port = free_port()
    server = open_server(opcodes_port=port)
    client = await RawClient.connect(port)
    server.clients.append(client)

    client.send(b"LOGIN bob\n")

    await check_rejected(client, NO_LINES, caplog)


async def test_requests_in_pieces_are_served(open_server: OpenServer) -> None:
    client = await open_server().connect()

    for byte in b"\r\n" + client.request("/console/admin"):
        client.send(bytes([byte]))
        await asyncio.sleep(0)

    assert (await client.response()).status == 200
    assert (await client.get("/console/admin")).status == 200


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", UNDECIDED),
        (b"\r\n\n", UNDECIDED),
        (b"GET / HTTP/1.1", UNDECIDED),
        (b"GET / HTTP/1.1\r\n", HTTP),
        (b"get / http/1.1\n", HTTP),
        (b"GET /\r\n", HTTP),
        (b"GET x HTTP/1.1 y\r\n", HTTP),
        (b"PRI * HTTP/2.0\r\n", HTTP),
        (b"GET /" + b"x" * LINE_BYTES, HTTP),
        (b"LOGIN", UNDECIDED),
        (b"LOGIN x\n", LINES),
        (b"\xff", LINES),
        (b"\xfe\xff", UNDECIDED),
        (b"\xfe\xff\0G", UTF_16),
        (b"\x16\x03", UNDECIDED),
        (b"\x16\x03\x01", TLS),
        (b"\x16\n", LINES),
    ],
)
async def test_opening_is_known_with_the_first_line(data: bytes, expected: str) -> None:
    assert opening_for_http(data) == expected
