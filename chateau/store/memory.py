"""The store in memory, which lasts as long as the process.

Each stream of a room has its last records, up to a limit and an age. The position of the last lost record
is remembered, so that a page can report that it is incomplete.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from chateau.hub.ports import Page
from chateau.store.retention import (
    ORIGIN,
    RETAINING_STREAMS,
    STREAM_OF,
    SWEEP_SECONDS,
    HistoryQuery,
    Limits,
    Segment,
    by_seq,
    by_time,
    make_page,
    position_of,
    streams_to_read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chateau.hub.events import StoredRecord


class _Stream:
    """One stream of a room, oldest first: seqs rise and times never fall."""

    __slots__ = ("_limit", "_trim_at", "began", "lost", "records")

    def __init__(self, began: str, limit: int) -> None:
        self.began = began  # the time of the very first record
        self.records: list[StoredRecord] = []
        self.lost = ORIGIN
        self._limit = limit
        self._trim_at = limit + limit // 4 + 1

    def append(self, record: StoredRecord) -> None:
        self.records.append(record)
        if len(self.records) > self._trim_at:
            self.drop(len(self.records) - self._limit)

    def first(self, oldest: str) -> int:
        """Return the index of the first record within the limit and not older than *oldest*."""
        return max(len(self.records) - self._limit, bisect_left(self.records, oldest, key=by_time))

    def drop(self, count: int) -> None:
        if count > 0:
            self.lost = position_of(self.records[count - 1])
            del self.records[:count]

    def read(self, query: HistoryQuery, oldest: str) -> Segment:
        records, since, start, end = self.records, query.since, query.start, query.end
        first = self.first(oldest)
        lost = position_of(records[first - 1]) if first else self.lost
        if since is not None:
            first = max(first, bisect_right(records, since, key=by_seq))
        if start is not None:
            first = max(first, bisect_left(records, start, key=by_time))
        last = len(records) if end is None else bisect_right(records, end, key=by_time)
        if query.before is not None:
            last = min(last, bisect_left(records, query.before, key=by_seq))
        return Segment(records[first:last], query.includes_lost(lost, self.began))


class _Room:
    __slots__ = ("name", "seq", "streams")

    def __init__(self) -> None:
        self.name = ""
        self.seq = 0
        self.streams: list[_Stream | None] = [None, None, None]

    def is_retained(self, oldest: str) -> bool:
        retaining = (self.streams[number] for number in RETAINING_STREAMS)
        return any(stream and stream.first(oldest) < len(stream.records) for stream in retaining)


class MemoryStore:
    """Stores the last *history* messages of each room, as many joins, and *channel_history* publications.

    With *max_age_seconds*, older records are deleted; *clock* returns seconds since 1970.
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
        if room.name != record.room and not room.is_retained(self._limits.oldest()):
            room.name = record.room
        number = STREAM_OF[type(record)]
        stream = room.streams[number]
        if stream is None:
            stream = room.streams[number] = _Stream(record.time, self._limits.counts[number])
        stream.append(record)
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
        before: int | None = None,
        max_bytes: int | None = None,
    ) -> Page:
        room = self._rooms.get(key)
        if room is None:
            return Page([], complete=True)
        query = HistoryQuery(since, start, end, limit, before, max_bytes)
        oldest = self._limits.oldest()
        streams = [room.streams[number] for number in streams_to_read(joins=joins)]
        return make_page(query, [stream.read(query, oldest) for stream in streams if stream is not None])

    def rooms(self) -> Iterable[tuple[str, str]]:
        oldest = self._limits.oldest()
        return [(key, room.name) for key, room in self._rooms.items() if room.is_retained(oldest)]

    def holds(self, key: str) -> bool:
        room = self._rooms.get(key)
        return room is not None and room.is_retained(self._limits.oldest())

    def erase(self, key: str) -> None:
        room = self._rooms.get(key)
        for stream in room.streams if room is not None else ():
            if stream is not None:
                stream.drop(len(stream.records))

    def why_read_only(self) -> str | None:
        return None

    async def settle(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _room(self, key: str) -> _Room:
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = _Room()
        return room

    def _sweep(self) -> None:
        """Drop records that are too old, also in rooms without new messages."""
        self._sweep_at = self._clock() + SWEEP_SECONDS
        oldest = self._limits.oldest()
        for room in self._rooms.values():
            for stream in room.streams:
                if stream is not None:
                    stream.drop(stream.first(oldest))
