"""The reader: records of a room's streams, merged from the database and from what is not yet on disk.

A record is read from exactly one of the two: chunks from a stream's first pending record on are ignored,
though they may be committed already.
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from chateau.store.retention import ORIGIN, Segment, StreamPosition, by_seq, by_time, position_of
from chateau.store.sqlite_schema import connect, decode_chunk

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from chateau.hub.events import StoredRecord
    from chateau.store.retention import HistoryQuery
    from chateau.store.sqlite_state import Stream

_RANGE = "FROM chunks WHERE room = ? AND stream = ? AND last_seq >= ? AND last_seq < ? ORDER BY last_seq"
_NEXT = f"SELECT last_seq, last_time, records {_RANGE} LIMIT 1"
_NEXT_TIME = f"SELECT last_time {_RANGE} LIMIT 1"
_BEFORE = f"SELECT last_seq, last_time {_RANGE} DESC LIMIT 1"
_COUNTS = f"SELECT last_seq, count {_RANGE}"
_FIRST = f"SELECT records {_RANGE}"
_LAST = f"SELECT records {_RANGE} DESC"


class Reader:
    """A read-only connection for the event loop's thread."""

    def __init__(self, file: Path) -> None:
        self._db = connect(file)
        self._db.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Read the database as it is at one moment."""
        self._db.execute("BEGIN")
        try:
            yield self._db
        finally:
            self._db.execute("ROLLBACK")


class View:
    """One stream of a room at one moment: its last *limit* records, without those older than *oldest*."""

    def __init__(self, db: sqlite3.Connection, stream: Stream, *, limit: int, oldest: str) -> None:
        self._db = db
        self._stream = stream
        self._where = (stream.room.id, stream.number)
        self._pending = [record for records in stream.pending for record in records]
        self._last_seq = stream.last.seq if stream.last is not None else 0
        # Read chunks from seq bottom to before seq top: those before are deleted, those after are pending.
        self._top = self._pending[0].seq if self._pending else self._last_seq + 1
        self._lost, removed = self._dropped()
        self._bottom = self._lost.seq + 1
        excess = stream.added - removed - limit
        if excess > 0:
            self._lost = self._nth(excess)
        if oldest:
            self._lost = max(self._lost, self._last_before(oldest))

    def read(self, query: HistoryQuery) -> Segment:
        """Return the records that match *query*: all of them, or at least one more than its limit."""
        start, end, since = query.start, query.end, query.since
        low = max(self._lost.seq, since or 0)
        if start is not None:
            low = max(low, self._last_before(start).seq)
        # No time is between a time and the same with a suffix.
        high = self._last_seq if end is None else self._last_before(end + "~").seq
        if query.before is not None:
            high = min(high, query.before - 1)
        find = self._first if query.is_forward else self._last
        max_bytes = float("inf") if query.max_bytes is None else query.max_bytes
        records, is_cut = find(low, high, query.limit + 1, max_bytes) if low < high else ([], False)
        return Segment(records, query.includes_lost(self._lost, self._stream.began), is_cut)

    def _dropped(self) -> tuple[StreamPosition, int]:
        """Return the position of the last deleted record, and the number of deleted records."""
        row = self._db.execute(
            "SELECT dropped_seq, dropped_time, removed FROM logs WHERE room = ? AND stream = ?", self._where
        ).fetchone()
        dropped = (ORIGIN, 0) if row is None else (StreamPosition(*row[:2]), row[2])
        erased = self._stream.erased
        return dropped if erased is None else max(dropped, (erased.position, erased.added))

    def _nth(self, number: int) -> StreamPosition:
        """Return the position of the record *number*, counted from 1, of those that are not deleted."""
        with closing(self._select(_COUNTS, self._bottom)) as rows:
            for last_seq, count in rows:
                if count >= number:
                    text = self._select(_NEXT, last_seq).fetchone()[2]
                    return position_of(decode_chunk(self._stream.number, text)[number - 1])
                number -= count
        return position_of(self._pending[number - 1])

    def _last_before(self, time: str) -> StreamPosition:
        """Return the position of the last record before *time*, or of the last lost one if there is none."""
        if self._pending and self._pending[0].time < time:
            return position_of(self._pending[bisect_left(self._pending, time, key=by_time) - 1])
        if self._bottom >= self._top:
            return self._lost
        seqs = range(self._bottom, self._top)
        seq = self._bottom + bisect_left(seqs, 1, key=lambda seq: self._is_from(seq, time))
        row = self._select(_NEXT, seq).fetchone()
        records = [] if row is None else decode_chunk(self._stream.number, row[2])
        earlier = bisect_left(records, time, key=by_time)
        if earlier:
            return position_of(records[earlier - 1])
        before = self._select(_BEFORE, self._bottom, seq).fetchone()
        return self._lost if before is None else max(StreamPosition(*before), self._lost)

    def _is_from(self, seq: int, time: str) -> bool:
        """Return whether the first chunk from *seq* on ends at *time* or later; True if there is none."""
        row = self._select(_NEXT_TIME, seq).fetchone()
        return row is None or row[0] >= time

    def _first(self, low: int, high: int, count: int, max_bytes: float) -> tuple[list[StoredRecord], bool]:
        """Return at least the first *count* records after seq *low* and up to seq *high*.

        There are fewer, and True, if they have *max_bytes* in the database.
        """
        found: list[StoredRecord] = []
        with closing(self._select(_FIRST, max(low + 1, self._bottom))) as rows:
            for (text,) in rows:
                records = decode_chunk(self._stream.number, text)
                found += _between(records, low, high)
                if len(found) >= count or records[-1].seq >= high:
                    return found, False
                max_bytes -= len(text)
                if found and max_bytes < 0:
                    return found, True
        return found + _between(self._pending, low, high), False

    def _last(self, low: int, high: int, count: int, max_bytes: float) -> tuple[list[StoredRecord], bool]:
        """Return at least the last *count* records after seq *low* and up to seq *high*.

        There are fewer, and True, if they have *max_bytes* in the database.
        """
        is_cut = False
        segments = [_between(self._pending, low, high)]
        found = len(segments[0])
        if found < count:
            edge = self._select(_NEXT, high).fetchone()  # the chunk that contains *high*
            top = self._top if edge is None else edge[0] + 1
            with closing(self._select(_LAST, max(low + 1, self._bottom), top)) as rows:
                for (text,) in rows:
                    segments.append(_between(decode_chunk(self._stream.number, text), low, high))
                    found += len(segments[-1])
                    max_bytes -= len(text)
                    is_cut = found > 0 and max_bytes < 0
                    if found >= count or is_cut:
                        break
        return [record for records in reversed(segments) for record in records], is_cut

    def _select(self, query: str, bottom: int, top: int | None = None) -> sqlite3.Cursor:
        """Run *query* on the chunks from seq *bottom* to before seq *top*."""
        return self._db.execute(query, (*self._where, bottom, self._top if top is None else top))


def _between(records: list[StoredRecord], low: int, high: int) -> list[StoredRecord]:
    """Return the *records* after seq *low* and up to seq *high*."""
    return records[bisect_left(records, low + 1, key=by_seq) : bisect_left(records, high + 1, key=by_seq)]
