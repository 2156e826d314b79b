"""A proxy in the loop of a test, between servers and clients of the test, and its output."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from chateau.client.proxy.codec import WireProtocol
from chateau.client.proxy.connection import Proxy, Upstream, listen
from chateau.client.proxy.display import Observation
from chateau.client.proxy.faults import FaultConfig, parse_rules
from chateau.client.transcript import Direction, Entry

PATIENCE_SECONDS = 60

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ProxyHarness:
    """A running proxy, and the observations, entries and errors that it has reported."""

    def __init__(self) -> None:
        self.port = 0
        self.observations: list[Observation] = []
        self.entries: list[Entry] = []
        self.errors: list[str] = []

    def show(self, observation: Observation) -> None:
        self.observations.append(observation)

    def error(self, sentence: str) -> None:
        self.errors.append(sentence)

    def faults_of(self, opcode: str) -> list[tuple[str, tuple[str, ...]]]:
        """Return payload and faults of the observations with *opcode*."""
        return [(one.payload.decode(), one.faults) for one in self.observations if one.opcode == opcode]

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
    port: int, *rules: dict[str, Any], seed: int = 1, protocol: WireProtocol | None = None
) -> AsyncIterator[ProxyHarness]:
    """Run a proxy before the server at *port*, with *rules* as in a rules file."""
    harness = ProxyHarness()
    endpoint = listen("127.0.0.1", 0, Upstream("127.0.0.1", port, protocol))
    harness.port = endpoint.listening.getsockname()[1]
    async with Proxy(
        [endpoint], FaultConfig(parse_rules(list(rules)), seed), harness, harness.entries.append
    ):
        yield harness


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
    """Echo each line, and send ``bye`` at the end."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.write(b"bye\n")
    await writer.drain()


async def receive(client: ClientConnection, count: int) -> list[str | bytes]:
    return [await client.recv() for _ in range(count)]


async def seen(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds."""
    while not condition():  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.005)


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *scene*, with a timeout; it must not log a warning or an error."""
    logged: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]

    async def played() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(str(context)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await scene()

    logging.getLogger("asyncio").addHandler(handler)
    try:
        asyncio.run(played())
    finally:
        logging.getLogger("asyncio").removeHandler(handler)
    assert logged == []
