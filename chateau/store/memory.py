"""The store in memory: lasts as long as the process, and no longer.

Each room keeps its last messages, so many at most; what went is remembered by its number, so that a
page can say that it is not complete.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING

from chateau.hub.ports import Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chateau.hub.events import RoomMessage

_seq = attrgetter("seq")
_time = attrgetter("time")


class _Log:
    """One room's messages, oldest first: seqs rise and times never fall."""

    __slots__ = ("began", "dropped", "messages")

    def __init__(self, began: str) -> None:
        self.began = began  # when the first message of all was said
        self.messages: list[RoomMessage] = []
        self.dropped: RoomMessage | None = None  # the last one that went


class MemoryStore:
    """Keeps the last *limit* messages a room, or up to half as many again until it tidies up."""

    def __init__(self, *, limit: int = 10_000) -> None:
        self._limit = limit
        self._logs: dict[str, _Log] = {}
        self._seqs: dict[str, int] = {}

    def next_seq(self, key: str) -> int:
        seq = self._seqs.get(key, 0) + 1
        self._seqs[key] = seq
        return seq

    def append(self, key: str, message: RoomMessage) -> None:
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = _Log(message.time)
        log.messages.append(message)
        if len(log.messages) > self._limit + self._limit // 2:
            self._drop(log)

    def read(self, key: str, *, since: int | None, start: str | None, end: str | None, limit: int) -> Page:
        log = self._logs.get(key)
        if log is None:
            return Page([], complete=True)
        messages = log.messages
        first = max(len(messages) - self._limit, 0)
        gone = messages[first - 1] if first else log.dropped
        if since is not None:
            first = max(first, bisect_right(messages, since, key=_seq))
        if start is not None:
            first = max(first, bisect_left(messages, start, key=_time))
        last = len(messages) if end is None else bisect_right(messages, end, key=_time)
        found = messages[first:last]
        page = found[:limit] if since is not None or start is not None else found[-limit:]
        is_missing = gone is not None and _asks_for(gone, since, start) and (end is None or log.began <= end)
        return Page(page, complete=len(page) == len(found) and not is_missing)

    def rooms(self) -> Iterable[tuple[str, str]]:
        return [(key, log.messages[0].room) for key, log in self._logs.items()]

    def holds(self, key: str) -> bool:
        return key in self._logs

    def _drop(self, log: _Log) -> None:
        excess = len(log.messages) - self._limit
        log.dropped = log.messages[excess - 1]
        del log.messages[:excess]


def _asks_for(gone: RoomMessage, since: int | None, start: str | None) -> bool:
    """Whether a reader from *since* and *start* on asks for *gone*, the last message that is not kept."""
    return (since is None or gone.seq > since) and (start is None or gone.time >= start)
