"""The proxy itself: it listens, and makes a connection to the server for each client that comes."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self

from chateau.client.proxy.connection import Connection, Harm, Server
from chateau.client.proxy.side import Side
from chateau.client.proxy.witness import Display, Witness
from chateau.client.transcript import OnEntry

REST_SECONDS = 0.2  # after a client could not be taken


class CannotListen(Exception):
    """An address cannot be listened at; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in, and which server is behind it."""

    listening: socket.socket
    server: Server

    @property
    def address(self) -> str:
        host, port = self.listening.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def door(host: str, port: int, server: Server) -> Door:
    """Listen at *host* and *port*; 0 is any port that is free.

    Raises:
        CannotListen: it is taken, or is not an address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        listening = socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError, OverflowError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise CannotListen(f"cannot listen at {host}:{port}: {reason}") from exc
    listening.setblocking(False)
    return Door(listening, server)


class Proxy:
    """All doors, and all who came in, while it is entered by ``async with``.

    Connections are numbered as they come, from 1, over all doors.
    """

    def __init__(self, doors: Sequence[Door], harm: Harm, display: Display, record: OnEntry | None) -> None:
        self._doors = doors
        self._harm = harm
        self._display = display
        self._record = record
        self._numbers = count(1)
        self._listening: list[asyncio.Task[None]] = []
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = [asyncio.create_task(self._listen(door)) for door in self._doors]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        tasks = [*self._listening, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._doors:
            one.listening.close()

    async def _listen(self, door: Door) -> None:
        while True:
            try:
                client, _ = await asyncio.get_running_loop().sock_accept(door.listening)
            except OSError as exc:  # no more file descriptors, or the client has left already
                self._display.trouble(f"a client could not be taken: {exc.strerror}")
                await asyncio.sleep(REST_SECONDS)
                continue
            task = asyncio.create_task(self._serve(Side(client), door.server))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, client: Side, server: Server) -> None:
        number = next(self._numbers)
        witness = Witness(number, self._display, self._record)
        try:
            await Connection(number, client, server, self._harm, witness).run()
        except Exception as exc:  # a bug of the proxy: it ends this connection, and is told
            witness.trouble(f"the proxy failed: {exc!r}")
