"""Pollers: readiness of very many sockets.

The event loop could watch each socket itself, but it makes an object or two for every event: 5.1 µs per
event, against 1.8 with one epoll for all sockets, which the loop watches. Systems without epoll use the loop.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Protocol

from chateau.net.turns import BUDGET_SECONDS, UNIT_SECONDS, Worker

if TYPE_CHECKING:
    import asyncio

    from chateau.net.outbox import FlushScheduler
    from chateau.net.turns import Turns


class Watched(Worker, Protocol):
    """Receives the events of one socket; it reads in its turns. None of these methods may raise."""

    def on_hangup(self) -> None:
        """End: the client is gone, while its socket is not read."""

    def drain(self) -> None:
        """Write: the socket takes bytes again."""


class Poller(Protocol):
    """Watches sockets by their file descriptors, which stay open for as long as they are watched."""

    def watch(self, fd: int, watched: Watched) -> None:
        """Report to *watched* whenever *fd* can be read."""

    def watch_writing(self, fd: int) -> None:
        """Report also when *fd*, which is watched, can be written."""

    def unwatch_writing(self, fd: int) -> None:
        """Report only when *fd* can be read."""

    def unwatch_reading(self, fd: int, *, until_half_closed: bool = False) -> None:
        """Report no longer when *fd* can be read, only when the client hangs up.

        With *until_half_closed*, a client that has finished sending counts as gone.
        """

    def watch_reading(self, fd: int) -> None:
        """Undo :meth:`unwatch_reading`."""

    def forget(self, fd: int) -> None:
        """Unregister *fd* (call before closing it)."""

    def close(self) -> None:
        """Stop watching."""


def make_poller(loop: asyncio.AbstractEventLoop, scheduler: FlushScheduler, turns: Turns) -> Poller:
    """Return the best poller of this system; *scheduler* is corked while it reports events.

    Sockets are read at once, or in one of the *turns* if there is more to do than fits into an iteration.
    """
    return EpollPoller(loop, scheduler, turns) if hasattr(select, "epoll") else LoopPoller(loop, turns)


class EpollPoller:
    """One epoll for all sockets, which the event loop watches (Linux)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scheduler: FlushScheduler, turns: Turns) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._turns = turns
        self._epoll = select.epoll()
        self._watched: dict[int, Watched] = {}
        self._unread: dict[int, int] = {}  # those that are not read, with the events to watch for instead
        loop.add_reader(self._epoll, self._on_ready)

    def watch(self, fd: int, watched: Watched) -> None:
        self._watched[fd] = watched
        self._epoll.register(fd, select.EPOLLIN)

    def watch_writing(self, fd: int) -> None:
        self._epoll.modify(fd, self._reading(fd) | select.EPOLLOUT)

    def unwatch_writing(self, fd: int) -> None:
        self._epoll.modify(fd, self._reading(fd))

    def unwatch_reading(self, fd: int, *, until_half_closed: bool = False) -> None:
        events = self._unread[fd] = select.EPOLLRDHUP if until_half_closed else 0
        self._epoll.modify(fd, events)

    def watch_reading(self, fd: int) -> None:
        del self._unread[fd]
        self._epoll.modify(fd, select.EPOLLIN)

    def _reading(self, fd: int) -> int:
        return self._unread.get(fd, select.EPOLLIN)

    def forget(self, fd: int) -> None:
        self._unread.pop(fd, None)
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll)
            self._epoll.close()

    def _on_ready(self) -> None:
        watched, turns = self._watched, self._turns
        self._scheduler.cork()
        now = turns.clock()
        budget_ends_at = 0.0 if turns.is_busy else now + BUDGET_SECONDS
        for fd, events in self._epoll.poll(0):
            if events & select.EPOLLOUT and fd in watched:
                watched[fd].drain()
            if events & ~select.EPOLLOUT and fd in watched:  # the drain may have ended it
                if fd in self._unread:
                    watched[fd].on_hangup()
                elif now >= budget_ends_at:
                    turns.add(watched[fd])
                else:
                    turns.ends_at = now + UNIT_SECONDS
                    watched[fd].take_turn()
                    now = turns.clock()
        self._scheduler.uncork()


class LoopPoller:
    """Uses the event loop for each socket. Only work that waits already is shared fairly."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turns: Turns) -> None:
        self._loop = loop
        self._turns = turns
        self._watched: dict[int, Watched] = {}

    def watch(self, fd: int, watched: Watched) -> None:
        self._watched[fd] = watched
        self.watch_reading(fd)

    def watch_writing(self, fd: int) -> None:
        self._loop.add_writer(fd, self._watched[fd].drain)

    def unwatch_writing(self, fd: int) -> None:
        self._loop.remove_writer(fd)

    def unwatch_reading(self, fd: int, *, until_half_closed: bool = False) -> None:
        self._loop.remove_reader(fd)

    def watch_reading(self, fd: int) -> None:
        self._loop.add_reader(fd, self._on_readable, self._watched[fd])

    def forget(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def close(self) -> None:
        for fd in list(self._watched):
            self.forget(fd)

    def _on_readable(self, watched: Watched) -> None:
        if self._turns.is_busy:
            self._turns.add(watched)
        else:
            watched.take_turn()
