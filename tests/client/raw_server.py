"""A server that runs a script for each client, byte by byte, to test connections against."""

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from chateau.client.transcript import Direction, Entry, Opcode

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Entries(list[Entry]):
    """The entries of a connection, for assertions."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def append(self, entry: Entry) -> None:
        super().append(entry)
        self._changed.set()

    def of(self, direction: Direction) -> list[tuple[Opcode, bytes]]:
        return [(entry.opcode, entry.payload) for entry in self if entry.direction is direction]

    @property
    def sent(self) -> list[tuple[Opcode, bytes]]:
        return self.of(Direction.SENT)

    @property
    def received(self) -> list[tuple[Opcode, bytes]]:
        return self.of(Direction.RECEIVED)

    async def until(self, count: int) -> None:
        """Wait until so many entries were received."""
        async with asyncio.timeout(5):
            while len(self.received) < count:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that runs *script* for each connection, then closes it."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=2**20, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def accepting(request: bytes) -> bytes:
    """Return the correct response to a handshake."""
    key = next(
        line[18:].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def saying(*writes: bytes, then: str = "wait") -> Script:
    """Shake hands, write these, then ``wait`` for the client to end it, ``close`` or ``reset``."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(await head(reader)))
        for one in writes:
            writer.write(one)
            await writer.drain()
        match then:
            case "wait":
                await reader.read()
            case "reset":
                await asyncio.sleep(0.01)
                reset(writer)

    return script


def answering(response: bytes, then: str = "close") -> Script:
    """Read the head of a request, and send *response*."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(response)
        await writer.drain()
        if then == "wait":
            await reader.read()
        elif then == "reset":
            reset(writer)

    return script


def frame(first: int, payload: bytes, *, mask: bool = False) -> bytes:
    """A frame with this first byte."""
    length = len(payload)
    flag = 0x80 if mask else 0
    size = bytes([flag | length]) if length < 126 else bytes([flag | 126]) + struct.pack("!H", length)
    return bytes([first]) + size + (bytes(4) if mask else b"") + payload
