"""A proxy in the test's own loop, between servers and clients of the test's own, and what was seen of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from chateau.client.proxy.connection import Harm, Server
from chateau.client.proxy.frame import Speech
from chateau.client.proxy.listener import Proxy, door
from chateau.client.proxy.rules_file import rules
from chateau.client.proxy.witness import Sight
from chateau.client.transcript import Direction, Entry

PATIENCE_SECONDS = 10

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Stand:
    """Where the proxy is, and what it has shown, recorded and complained of."""

    def __init__(self) -> None:
        self.port = 0
        self.sights: list[Sight] = []
        self.entries: list[Entry] = []
        self.troubles: list[str] = []

    def sight(self, sight: Sight) -> None:
        self.sights.append(sight)

    def trouble(self, sentence: str) -> None:
        self.troubles.append(sentence)

    def done(self, opcode: str) -> list[tuple[str, tuple[str, ...]]]:
        """Payload and what was done, of what was shown with *opcode*."""
        return [(one.payload.decode(), one.done) for one in self.sights if one.opcode == opcode]

    def recorded(self, direction: Direction) -> list[tuple[str, bytes]]:
        return [(one.opcode, one.payload) for one in self.entries if one.direction is direction]

    def websocket(self, path: str = "/ws", **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None, max_size=None, **options)

    @asynccontextmanager
    async def line_client(self) -> AsyncIterator[Streams]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()


@asynccontextmanager
async def proxy_before(
    port: int, *harm: dict[str, Any], seed: int = 1, speech: Speech | None = None
) -> AsyncIterator[Stand]:
    """A proxy before the server at *port*, which does *harm*, given as rules of a rules file."""
    stand = Stand()
    entrance = door("127.0.0.1", 0, Server("127.0.0.1", port, speech))
    stand.port = entrance.listening.getsockname()[1]
    async with Proxy([entrance], Harm(rules(list(harm)), seed), stand, stand.entries.append):
        yield stand


@asynccontextmanager
async def websocket_server(
    talk: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[int]:
    async with serve(talk, "127.0.0.1", 0, max_size=None, close_timeout=1, **options) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def tcp_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    **options: Any,
) -> AsyncIterator[int]:
    async def talk_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk_and_close, "127.0.0.1", 0, limit=2**20, **options)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def echo_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each line with itself, and the end with ``bye``."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.write(b"bye\n")
    await writer.drain()


async def heard(client: ClientConnection, count: int) -> list[str | bytes]:
    return [await client.recv() for _ in range(count)]


async def seen(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds."""
    while not condition():  # noqa: ASYNC110 - nobody tells when it does
        await asyncio.sleep(0.005)


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play *scene*; nothing may come to the loop's log, nor take for ever."""
    troubles: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: troubles.append(record.getMessage())  # type: ignore[method-assign]

    async def played() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(str(context)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await scene()

    logging.getLogger("asyncio").addHandler(handler)
    try:
        asyncio.run(played())
    finally:
        logging.getLogger("asyncio").removeHandler(handler)
    assert troubles == []
