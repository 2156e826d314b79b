"""The live stream: the house's figures, its sessions and its rooms, once a second.

Nothing is measured before the first watcher comes nor after the last has gone. What is told is written
once a second for all who watch with one limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.net.admin.watching import Watcher, event

if TYPE_CHECKING:
    import asyncio

    from chateau.net.admin.figures import Figures
    from chateau.net.admin.probe import Probe
    from chateau.protocols.admin import AdminProtocol
    from chateau.protocols.transport import Outbox

INTERVAL_SECONDS = 1.0


class Live:
    """The stream, once a server."""

    def __init__(
        self, admin: AdminProtocol, figures: Figures, probe: Probe, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._admin = admin
        self._figures = figures
        self._probe = probe
        self._loop = loop
        self._watchers: dict[Watcher, int] = {}  # with how many sessions each wants to see
        self._timer: asyncio.TimerHandle | None = None

    def endpoint(self, limit: int) -> LiveDoor:
        """Where those come in who want to see the busiest *limit* sessions."""
        return LiveDoor(self, limit)

    def begin(self, watcher: Watcher, limit: int) -> None:
        """*watcher* has come: it is told how things are, and from now on once a second."""
        if not self._watchers:
            self._figures.measure()
            self._probe.start()
            self._timer = self._loop.call_later(INTERVAL_SECONDS, self._tick)
        self._watchers[watcher] = limit
        watcher.send(self._house() + self._sessions(limit) + self._rooms())

    def end(self, watcher: Watcher) -> None:
        """*watcher* is gone."""
        self._watchers.pop(watcher, None)
        if not self._watchers and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._probe.stop()
            self._figures.stop_measuring()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(INTERVAL_SECONDS, self._tick)
        self._figures.measure()
        harness, rooms = self._house(), self._rooms()
        told = {limit: harness + self._sessions(limit) + rooms for limit in set(self._watchers.values())}
        for watcher, limit in list(self._watchers.items()):
            watcher.send(told[limit])

    def _house(self) -> bytes:
        return event("house", self._figures.harness(self._probe.latency()))

    def _sessions(self, limit: int) -> bytes:
        return event("sessions", self._figures.sessions(limit))

    def _rooms(self) -> bytes:
        return event("rooms", self._admin.rooms())


class LiveDoor:
    """The way in for one watcher."""

    def __init__(self, live: Live, limit: int) -> None:
        self._live = live
        self._limit = limit

    def open(self, outbox: Outbox, address: str, port: int) -> Watcher:
        """A watcher at *address* and *port* has come."""
        watcher = Watcher(outbox, self._live.end)
        self._live.begin(watcher, self._limit)
        return watcher
