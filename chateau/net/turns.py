"""Turns: work for clients in small units, shared fairly by address first, then by connection.

One iteration of the event loop works for at most ``BUDGET_SECONDS``, so that timers, new connections and the
flush of the outboxes are never far away. Until the budget is used up, the poller serves its sockets in the
order in which they are reported. What does not fit waits here: the addresses take turns of ``UNIT_SECONDS``,
and so do the connections of one address. A client that asks for much waits for itself.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from chateau.net.outbox import FlushScheduler

log = logging.getLogger(__name__)

UNIT_SECONDS: Final = 0.001
"""How long a client may be served before it is another one's turn. A unit of work checks this itself."""

BUDGET_SECONDS: Final = 0.005
"""How long all clients together are served in one iteration of the event loop."""


class Worker(Protocol):
    """Something that has work to do for one client."""

    address: str
    """Whose work it is: see :func:`chateau.hub.guesses.share_of`."""

    is_waiting: bool
    """Whether it waits for a turn; :class:`Turns` sets it."""

    def take_turn(self) -> None:
        """Do one unit of work, until ``Turns.ends_at``; add itself again if more is left. Must not raise."""


class Turns:
    """The work that waits. *clock* returns seconds."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        scheduler: FlushScheduler,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.ends_at = 0.0
        """When the unit of work that is being done has to end."""
        self._loop = loop
        self._scheduler = scheduler
        self._waiting: dict[str, deque[Worker]] = {}  # by address, in the order of their next turns

    @property
    def is_busy(self) -> bool:
        """Whether work waits, so that other work has to wait behind it."""
        return bool(self._waiting)

    def begin_unit(self) -> float:
        """Begin a unit of work, unless one has begun; return the time."""
        now = self.clock()
        if now >= self.ends_at:
            self.ends_at = now + UNIT_SECONDS
        return now

    def add(self, worker: Worker) -> None:
        """Let *worker* wait for a turn. Idempotent."""
        if worker.is_waiting:
            return
        worker.is_waiting = True
        if not self._waiting:
            self._loop.call_soon(self._run)
        queue = self._waiting.get(worker.address)
        if queue is None:
            queue = self._waiting[worker.address] = deque()
        queue.append(worker)

    def _run(self) -> None:
        """Give turns until the budget is used up."""
        self._scheduler.cork()
        now = self.clock()
        budget_ends_at = now + BUDGET_SECONDS
        while self._waiting and now < budget_ends_at:
            address = next(iter(self._waiting))
            now = self._give_turn(self._waiting[address], now)
            queue = self._waiting.pop(address)
            if queue:
                self._waiting[address] = queue  # behind the others
        if self._waiting:
            self._loop.call_soon(self._run)
        self._scheduler.uncork()

    def _give_turn(self, queue: deque[Worker], now: float) -> float:
        """Serve the connections of one address for a unit; return the time."""
        self.ends_at = now + UNIT_SECONDS
        while queue and now < self.ends_at:
            worker = queue.popleft()
            worker.is_waiting = False
            worker.take_turn()
            now = self.clock()
        return now
