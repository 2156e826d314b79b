"""Connection groups: limits and state that all connections of one kind share, and operations on all of them.

The groups of one server share one flush scheduler, one poller, the turns of their clients, and the limits of
connections and of partial input.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, cast

from chateau.net.allowance import Allowance
from chateau.net.connection_limits import ConnectionLimits
from chateau.net.framing import WEBSOCKET, Framing
from chateau.net.outbox import FlushScheduler
from chateau.net.partial_input import PartialInput
from chateau.net.poller import Poller, make_poller
from chateau.net.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chateau.net.connection import Connection
    from chateau.protocols.transport import Outbox as ProtocolOutbox


@dataclass(eq=False, slots=True)
class ConnectionGroup:
    """The open connections of one kind, their limits and their flush scheduler."""

    loop: asyncio.AbstractEventLoop
    max_frame: int = 1_048_576  # maximum size of a client's message, in bytes
    max_outbox: int = 4_194_304  # maximum backlog of a client, in bytes
    max_rate: float = 0  # tokens per second and connection; 0 is unlimited
    ping_seconds: float = 0  # between signs of life; 0 is never
    takes_sockets: bool = True  # if False, every connection stays on Tornado's IOStream
    framing: Framing = WEBSOCKET
    beside: InitVar[ConnectionGroup | None] = None  # another group of the same server
    is_closing: bool = field(default=False, init=False)  # new connections are refused
    is_frozen: bool = field(default=False, init=False)  # no more requests are handled
    connections: set[Connection] = field(default_factory=set, init=False)
    received_before: int = field(default=0, init=False)  # messages on connections that have ended
    scheduler: FlushScheduler = field(init=False)
    poller: Poller = field(init=False)
    turns: Turns = field(init=False)
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    partial_input: PartialInput = field(default_factory=PartialInput)
    _all_gone: asyncio.Event | None = field(default=None, init=False)

    def __post_init__(self, beside: ConnectionGroup | None) -> None:
        if beside is not None:
            self.scheduler, self.turns, self.poller = beside.scheduler, beside.turns, beside.poller
            self.limits, self.partial_input = beside.limits, beside.partial_input
        else:
            self.scheduler = FlushScheduler(self.loop)
            self.turns = Turns(self.loop, self.scheduler)
            self.poller = make_poller(self.loop, self.scheduler, self.turns)

    def new_allowance(self) -> Allowance | None:
        """Return the allowance of a new connection; None if it is unlimited."""
        return Allowance(self.max_rate, self.turns.clock()) if self.max_rate else None

    def broadcast(self, payload: bytes, outboxes: Iterable[ProtocolOutbox]) -> None:
        """Send *payload*, UTF-8, to all *outboxes*, connections of this group, as one text frame."""
        self.scheduler.enqueue_all(cast("Iterable[Connection]", outboxes), self.framing.text(payload))

    def broadcast_binary(self, payload: bytes, outboxes: Iterable[ProtocolOutbox]) -> None:
        """Send *payload* to all *outboxes*, connections of this group, as one binary frame."""
        self.scheduler.enqueue_all(cast("Iterable[Connection]", outboxes), self.framing.binary(payload))

    def freeze(self) -> None:
        """Handle no more requests. What is sent to the clients is not affected."""
        self.is_frozen = True
        for connection in self.connections:
            connection.freeze()

    def count(self, connection: Connection) -> None:
        """Count *connection*, which has begun, among those of the group and of the server."""
        self.connections.add(connection)
        self.limits.add(connection)

    async def close(self, code: int, reason: str, *, within_seconds: float) -> None:
        """Refuse new connections, and close each one after its queued frames; abort those that take longer.

        The poller stays open for the other groups.
        """
        self.is_closing = True
        for connection in list(self.connections):
            connection.disconnect(code, reason)
        if self.connections:
            self._all_gone = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_seconds):
                    await self._all_gone.wait()
        for connection in list(self.connections):
            connection.abort()

    def forget(self, connection: Connection) -> None:
        """Remove *connection*, which has ended."""
        self.limits.remove(connection)
        if connection in self.connections:
            self.connections.discard(connection)
            self.received_before += connection.received
        if self._all_gone is not None and not self.connections:
            self._all_gone.set()
