"""Commits: what a writer of records waits for, one for all the records of a batch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Commit:
    """A :class:`chateau.hub.ports.Commit` that many share. It belongs to the loop's thread."""

    __slots__ = ("_callbacks", "_exception", "_is_done", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callbacks: list[Callable[[Commit], object]] = []
        self._is_done = False
        self._exception: BaseException | None = None

    def done(self) -> bool:
        return self._is_done

    def exception(self) -> BaseException | None:
        return self._exception

    def add_done_callback(self, callback: Callable[[Commit], object], /) -> None:
        if self._is_done:
            self._loop.call_soon(self._call, callback)
        else:
            self._callbacks.append(callback)

    def decide(self, exception: BaseException | None) -> None:
        """Make it done, and call back all who wait, in the order in which they came."""
        self._is_done = True
        self._exception = exception
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Commit], object]) -> None:
        try:
            callback(self)
        except Exception:
            log.exception("a callback of a commit failed")
