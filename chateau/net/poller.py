"""Pollers: hearing when a socket can be read or written, for very many sockets.

The event loop could watch each of them itself, but it makes an object or two for every event: 5.1 µs an
event where one epoll for all sockets, which the loop watches in their place, takes 1.8. Systems without
epoll go the loop's way.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from chateau.net.outbox import FlushScheduler


class Watched(Protocol):
    """Who is told."""

    def on_readable(self) -> None:
        """There is something to read, or the end. It must not raise."""

    def drain(self) -> None:
        """It can be written again. It must not raise."""


class Poller(Protocol):
    """Watches sockets by their file descriptors, which stay open for as long as they are watched."""

    def watch(self, fd: int, watched: Watched) -> None:
        """Tell *watched* whenever *fd* can be read."""

    def watch_writing(self, fd: int) -> None:
        """Tell also when *fd*, which is watched, can be written."""

    def unwatch_writing(self, fd: int) -> None:
        """Tell of reading alone again."""

    def unwatch_reading(self, fd: int) -> None:
        """Tell of reading no more."""

    def forget(self, fd: int) -> None:
        """Tell nothing more of *fd*; before it is closed."""

    def close(self) -> None:
        """Watch nothing more."""


def make_poller(loop: asyncio.AbstractEventLoop, scheduler: FlushScheduler) -> Poller:
    """The best poller that this system has; all that it tells of at once is one *scheduler*."""
    return EpollPoller(loop, scheduler) if hasattr(select, "epoll") else LoopPoller(loop)


class EpollPoller:
    """One epoll for all sockets; the loop watches that (Linux)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scheduler: FlushScheduler) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._epoll = select.epoll()
        self._watched: dict[int, Watched] = {}
        self._unread: set[int] = set()  # those that nothing more is read from
        loop.add_reader(self._epoll, self._on_ready)

    def watch(self, fd: int, watched: Watched) -> None:
        self._watched[fd] = watched
        self._epoll.register(fd, select.EPOLLIN)

    def watch_writing(self, fd: int) -> None:
        self._epoll.modify(fd, self._reading(fd) | select.EPOLLOUT)

    def unwatch_writing(self, fd: int) -> None:
        self._epoll.modify(fd, self._reading(fd))

    def unwatch_reading(self, fd: int) -> None:
        self._unread.add(fd)
        self._epoll.modify(fd, 0)

    def _reading(self, fd: int) -> int:
        return 0 if fd in self._unread else select.EPOLLIN

    def forget(self, fd: int) -> None:
        self._unread.discard(fd)
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll)
            self._epoll.close()

    def _on_ready(self) -> None:
        watched = self._watched
        self._scheduler.begin()
        for fd, events in self._epoll.poll(0):
            if events & select.EPOLLOUT and fd in watched:
                watched[fd].drain()
            if events & ~select.EPOLLOUT and fd in watched:  # what came before may have ended it
                watched[fd].on_readable()
        self._scheduler.end()


class LoopPoller:
    """The loop watches each socket itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: dict[int, Watched] = {}

    def watch(self, fd: int, watched: Watched) -> None:
        self._watched[fd] = watched
        self._loop.add_reader(fd, watched.on_readable)

    def watch_writing(self, fd: int) -> None:
        self._loop.add_writer(fd, self._watched[fd].drain)

    def unwatch_writing(self, fd: int) -> None:
        self._loop.remove_writer(fd)

    def unwatch_reading(self, fd: int) -> None:
        self._loop.remove_reader(fd)

    def forget(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def close(self) -> None:
        for fd in list(self._watched):
            self.forget(fd)
