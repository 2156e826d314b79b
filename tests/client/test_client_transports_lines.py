"""The connection of lines, over TCP and TLS."""

import asyncio
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from raw_server import Entries, Script, serving

from chateau.client.transcript import Opcode
from chateau.client.transports import (
    CannotConnect,
    Connection,
    ConnectionClosed,
    NotPossible,
    Target,
    framing,
    open_connection,
)

CERTIFICATE = Path(__file__).parents[1] / "net" / "tls" / "certificate.pem"
KEY = CERTIFICATE.with_name("key.pem")


def play(test: Coroutine[Any, Any, Any]) -> Any:
    async def within() -> Any:
        async with asyncio.timeout(8):
            return await test

    return asyncio.run(within())


async def opened(port: int, entries: Entries, scheme: str = "tcp") -> Connection:
    return await open_connection("bob", Target("lines", f"{scheme}://localhost:{port}"), entries.append)


def writing(*writes: bytes, wait: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in writes:
            writer.write(one)
            await writer.drain()
            await asyncio.sleep(0.002)
        if wait:
            await reader.read()

    return script


async def watched(script: Script) -> tuple[Entries, Connection]:
    entries = Entries()
    async with serving(script) as port:
        connection = await opened(port, entries)
        await connection.wait_closed(5)
        connection.abort()
    return entries, connection


@pytest.mark.parametrize(
    "writes",
    [
        [b"one\r\ntwo\n\nthree \xc3\xa9\r\n"],
        [b"one\r", b"\ntwo\n\nthree \xc3", b"\xa9\r\n"],
        [bytes([byte]) for byte in b"one\r\ntwo\n\nthree \xc3\xa9\r\n"],
    ],
)
def test_lines_end_with_either_end_wherever_they_are_cut(writes: list[bytes]) -> None:
    entries, connection = play(watched(writing(*writes)))

    assert [payload for _, payload in entries.received] == [b"one", b"two", b"", "three \u00e9".encode(), b""]
    assert [opcode for opcode, _ in entries.received][-2:] == [Opcode.LINE, Opcode.CLOSE]
    assert connection.protocol_error is None


@pytest.mark.parametrize(
    ("write", "flaw"),
    [
        (b"ok\nhalf a li", "ended in the middle of a line: 'half a li'"),
        (b"ok\n\xff\xfe\nmore\n", "a line that is not UTF-8, at byte 0"),
        (b"ok\n" + b"x" * 5000, "a line of more than"),
    ],
)
def test_invalid_line_is_a_protocol_error(write: bytes, flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_BYTES", 4000)

    entries, connection = play(watched(writing(write)))

    assert flaw in (connection.protocol_error or "")
    assert entries.received == [(Opcode.LINE, b"ok"), (Opcode.CLOSE, b"")]


def test_a_line_is_sent_with_its_end_and_can_be_cut() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            came.append(data)

    async def conversation() -> None:
        async with serving(listen) as port:
            connection = await opened(port, entries)
            await connection.send(Opcode.LINE, b"LOGIN bob", 4, 0.01)
            with pytest.raises(NotPossible):
                await connection.send(Opcode.TEXT, b"LOGIN bob")
            await connection.close()
            await connection.close()
            with pytest.raises(ConnectionClosed):
                await connection.send(Opcode.LINE, b"more")
            await connection.wait_closed(5)
            connection.abort()

    came: list[bytes] = []
    entries = Entries()

    play(conversation())

    assert came == [b"LOGI", b"N bo", b"b\r\n"]
    assert entries.sent[1:] == [(Opcode.LINE, b"LOGIN bob"), (Opcode.CLOSE, b"")]


def test_lines_of_the_server_after_our_close_are_recorded_before_its_close() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"farewell\n")

    async def conversation() -> Entries:
        entries = Entries()
        async with serving(listen) as port:
            connection = await opened(port, entries)
            await connection.close()
            await connection.wait_closed(5)
            connection.abort()
        return entries

    assert play(conversation()).received == [(Opcode.LINE, b"farewell"), (Opcode.CLOSE, b"")]


def test_a_line_longer_than_the_kernel_takes_at_once_arrives_whole() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(str(len(line)).encode() + b"\n")

    async def conversation() -> Entries:
        entries = Entries()
        async with serving(echo) as port:
            connection = await opened(port, entries)
            await connection.send(Opcode.LINE, b"x" * 1_000_000)
            await entries.until(1)
            connection.abort()
        return entries

    assert play(conversation()).received[0] == (Opcode.LINE, b"1000002")


def test_tls_requires_a_trusted_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        await reader.read()

    async def conversation() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        async with serving(echo, context) as port:
            with pytest.raises(CannotConnect, match="its certificate is not trusted"):
                await opened(port, entries, "tls")
            monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
            connection = await opened(port, entries, "tls")
            await connection.send(Opcode.LINE, b"secret")
            await entries.until(1)
            with pytest.raises(NotPossible, match="half closed"):
                await connection.half_close()
            assert connection.is_open
            await connection.close()
            await connection.wait_closed(5)
            connection.abort()

    entries = Entries()

    play(conversation())

    assert entries.received == [(Opcode.LINE, b"secret"), (Opcode.CLOSE, b"")]


def test_server_without_tls_is_an_error() -> None:
    async def conversation() -> None:
        async with serving(writing(b"hello, I am plain\r\n" * 10, wait=True)) as port:
            with pytest.raises(CannotConnect, match="TLS handshake failed"):
                await opened(port, Entries(), "tls")

    play(conversation())
