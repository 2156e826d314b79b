"""The store in memory: lasts as long as the process, and no longer.

Each stream of a room keeps its last records, so many at most and none too old; what went is remembered
by its number, so that a page can say that it is not complete.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from chateau.hub.ports import Page
from chateau.store.pages import (
    HOLDING,
    NOTHING,
    STREAM_OF,
    SWEEP_SECONDS,
    Limits,
    Mark,
    Part,
    Question,
    by_seq,
    by_time,
    make_page,
    streams_asked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chateau.hub.events import StoredRecord


class _Log:
    """One stream of a room, oldest first: seqs rise and times never fall."""

    __slots__ = ("_limit", "_room_for", "began", "dropped", "records")

    def __init__(self, began: str, limit: int) -> None:
        self.began = began  # the time of the first record of all
        self.records: list[StoredRecord] = []
        self.dropped = NOTHING
        self._limit = limit
        self._room_for = limit + limit // 4 + 1  # records until it tidies up

    def append(self, record: StoredRecord) -> None:
        self.records.append(record)
        if len(self.records) > self._room_for:
            self.drop(len(self.records) - self._limit)

    def first(self, oldest: str) -> int:
        """Where the records begin that are neither too many nor from before *oldest*."""
        return max(len(self.records) - self._limit, bisect_left(self.records, oldest, key=by_time))

    def drop(self, count: int) -> None:
        if count > 0:
            self.dropped = _mark(self.records[count - 1])
            del self.records[:count]

    def read(self, question: Question, oldest: str) -> Part:
        records, (since, start, end, _) = self.records, question
        first = self.first(oldest)
        gone = _mark(records[first - 1]) if first else self.dropped
        if since is not None:
            first = max(first, bisect_right(records, since, key=by_seq))
        if start is not None:
            first = max(first, bisect_left(records, start, key=by_time))
        last = len(records) if end is None else bisect_right(records, end, key=by_time)
        return Part(records[first:last], question.misses(gone, self.began))


class _Room:
    __slots__ = ("logs", "name", "seq")

    def __init__(self) -> None:
        self.name = ""
        self.seq = 0
        self.logs: list[_Log | None] = [None, None, None]

    def holds(self, oldest: str) -> bool:
        return any(log.first(oldest) < len(log.records) for log in map(self.logs.__getitem__, HOLDING) if log)


class MemoryStore:
    """Keeps of each room the last *history* messages, as many arrivals, and *channel_history* packages.

    None of them longer than *max_age_seconds*, where there is such an age, by *clock*: seconds since 1970.
    """

    def __init__(
        self,
        *,
        history: int = 10_000,
        channel_history: int = 0,
        max_age_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits = Limits(
            history=history, channel_history=channel_history, max_age_seconds=max_age_seconds, clock=clock
        )
        self._rooms: dict[str, _Room] = {}
        self._clock = clock
        self._sweep_at = clock() + SWEEP_SECONDS if max_age_seconds is not None else float("inf")

    def next_seq(self, key: str) -> int:
        room = self._room(key)
        room.seq += 1
        return room.seq

    def append(self, key: str, record: StoredRecord) -> None:
        room = self._room(key)
        if room.name != record.room and not room.holds(self._limits.oldest()):
            room.name = record.room
        stream = STREAM_OF[type(record)]
        log = room.logs[stream]
        if log is None:
            log = room.logs[stream] = _Log(record.time, self._limits.counts[stream])
        log.append(record)
        if self._sweep_at <= self._clock():
            self._sweep()

    def read(
        self,
        key: str,
        *,
        since: int | None,
        start: str | None,
        end: str | None,
        limit: int,
        joins: bool = False,
    ) -> Page:
        question = Question(since, start, end, limit)
        room = self._rooms.get(key)
        if room is None:
            return Page([], complete=True)
        oldest = self._limits.oldest()
        logs = [room.logs[stream] for stream in streams_asked(joins=joins)]
        return make_page(question, [log.read(question, oldest) for log in logs if log is not None])

    def rooms(self) -> Iterable[tuple[str, str]]:
        oldest = self._limits.oldest()
        return [(key, room.name) for key, room in self._rooms.items() if room.holds(oldest)]

    def holds(self, key: str) -> bool:
        room = self._rooms.get(key)
        return room is not None and room.holds(self._limits.oldest())

    def erase(self, key: str) -> None:
        room = self._rooms.get(key)
        for log in room.logs if room is not None else ():
            if log is not None:
                log.drop(len(log.records))

    def _room(self, key: str) -> _Room:
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = _Room()
        return room

    def _sweep(self) -> None:
        """Drop what is too old in rooms that nobody speaks in any more."""
        self._sweep_at = self._clock() + SWEEP_SECONDS
        oldest = self._limits.oldest()
        for room in self._rooms.values():
            for log in room.logs:
                if log is not None:
                    log.drop(log.first(oldest))


def _mark(record: StoredRecord) -> Mark:
    return Mark(record.seq, record.time)
