"""The ground: the server that scenarios are played against, somebody else's or one that is started for them.

A server that was started for them is started again when it has crashed, so that one crash costs the scenarios
that were being played and no others.
"""

import asyncio
from dataclasses import replace
from typing import Protocol

from chateau.client.addresses import Server
from chateau.client.under_test.server import ServerDidNotStart, ServerUnderTest


class Ground(Protocol):
    """Where scenarios are played."""

    @property
    def server(self) -> Server: ...

    async def ready(self) -> None:
        """See to it that the server runs. Raises :class:`ServerDidNotStart`."""

    async def crash(self) -> str | None:
        """How the server ended, if it did and nobody wanted it to."""

    can_stop: bool

    async def do(self, what: str) -> None:
        """``stop``, ``kill`` or ``start`` the server. Raises :class:`ServerDidNotStart`."""


class Elsewhere:
    """A server that somebody else runs."""

    can_stop = False

    def __init__(self, server: Server) -> None:
        self.server = server

    async def ready(self) -> None:
        """Whether it runs is seen when it is connected to."""

    async def crash(self) -> str | None:
        return None

    async def do(self, what: str) -> None:
        raise NotImplementedError(what)


class UnderTest:
    """A server that is started for the run, and again whenever it is down."""

    can_stop = True

    def __init__(self, program: ServerUnderTest, server: Server) -> None:
        self._program = program
        self._server = server
        self._starting = asyncio.Lock()
        self._runs = False
        self._refusal: ServerDidNotStart | None = None

    @property
    def server(self) -> Server:
        program = self._program
        return replace(
            self._server,
            host=program.host,
            port=program.port,
            lines_port=program.lines_port,
            opcodes_port=program.opcodes_port,
        )

    async def ready(self) -> None:
        async with self._starting:
            if self._refusal is not None:
                raise self._refusal
            if not self._runs or not self._program.is_listening():
                await self._start()

    async def crash(self) -> str | None:
        return await self._program.crashed() if self._runs else None

    async def do(self, what: str) -> None:
        self._runs = False
        await {"stop": self._program.stop, "kill": self._program.kill, "start": self._program.start}[what]()
        self._runs = what == "start"

    async def _start(self) -> None:
        """One that does not start does not start for the next scenario either, which need not wait for it."""
        try:
            await self.do("start")
        except ServerDidNotStart as exc:
            self._refusal = exc
            raise
