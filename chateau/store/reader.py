"""The reader: what is asked of a room's streams, from the database and from what is on its way there.

A record is in exactly one of the two: chunks that begin with a log's first pending record, or lie
behind it, are not looked at, though they may be committed already.
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from chateau.store import chunks
from chateau.store.pages import NOTHING, Mark, Part, by_seq, by_time
from chateau.store.schema import connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from chateau.hub.events import StoredRecord
    from chateau.store.pages import Question
    from chateau.store.rooms import Log

_STRETCH = "FROM chunks WHERE room = ? AND stream = ? AND last_seq >= ? AND last_seq < ? ORDER BY last_seq"
_NEXT = f"SELECT last_seq, last_time, records {_STRETCH} LIMIT 1"
_NEXT_TIME = f"SELECT last_time {_STRETCH} LIMIT 1"
_BEFORE = f"SELECT last_seq, last_time {_STRETCH} DESC LIMIT 1"
_COUNTS = f"SELECT last_seq, count {_STRETCH}"
_FIRST = f"SELECT records {_STRETCH}"
_LAST = f"SELECT records {_STRETCH} DESC"


class Reader:
    """A connection of its own, for the loop's thread."""

    def __init__(self, file: Path) -> None:
        self._db = connect(file)
        self._db.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """The database as it is at one moment."""
        self._db.execute("BEGIN")
        try:
            yield self._db
        finally:
            self._db.execute("ROLLBACK")


class View:
    """One stream of a room as it is now: its last *limit* records, none from before *oldest*."""

    def __init__(self, db: sqlite3.Connection, log: Log, *, limit: int, oldest: str) -> None:
        self._db = db
        self._log = log
        self._where = (log.room.id, log.stream)
        self._pending = [record for part in log.pending for record in part]
        # Chunks from here on are not to be looked at: they are among the pending records.
        self._last_seq = log.last.seq if log.last is not None else 0
        self._top = self._pending[0].seq if self._pending else self._last_seq + 1
        dropped, removed = self._dropped()
        self._bottom = dropped.seq + 1
        self._gone = dropped
        excess = log.added - removed - limit
        if excess > 0:
            self._gone = self._record(excess)
        if oldest:
            self._gone = max(self._gone, self._last_before(oldest))

    def answer(self, question: Question) -> Part:
        """All that *question* asks for, or one more than it can take."""
        since, start, end, limit = question
        low = max(self._gone.seq, since or 0)
        if start is not None:
            low = max(low, self._last_before(start).seq)
        # No time lies between one and the same with something behind it.
        high = self._last_seq if end is None else self._last_before(end + "~").seq
        find = self._first if question.keeps_first else self._last
        records = find(low, high, limit + 1) if low < high else []
        return Part(records, question.misses(self._gone, self._log.began))

    def _dropped(self) -> tuple[Mark, int]:
        """The mark of what was deleted, and how many records that were."""
        row = self._db.execute(
            "SELECT dropped_seq, dropped_time, removed FROM logs WHERE room = ? AND stream = ?", self._where
        ).fetchone()
        dropped = (NOTHING, 0) if row is None else (Mark(*row[:2]), row[2])
        erased = self._log.erased
        return dropped if erased is None else max(dropped, (erased.mark, erased.added))

    def _record(self, number: int) -> Mark:
        """The record *number*, from 1 on, of those that were not deleted."""
        with closing(self._stretch(_COUNTS, self._bottom)) as stretch:
            for last_seq, count in stretch:
                if count >= number:
                    return _mark(self._chunk(last_seq)[number - 1])
                number -= count
        return _mark(self._pending[number - 1])

    def _last_before(self, time: str) -> Mark:
        """The last record with an earlier time than *time*, or what is gone where there is none."""
        if self._pending and self._pending[0].time < time:
            return _mark(self._pending[bisect_left(self._pending, time, key=by_time) - 1])
        if self._bottom >= self._top:
            return self._gone
        seqs = range(self._bottom, self._top)
        seq = self._bottom + bisect_left(seqs, 1, key=lambda seq: self._is_from(seq, time))
        row = self._stretch(_NEXT, seq).fetchone()
        records = [] if row is None else chunks.decode(self._log.stream, row[2])
        earlier = bisect_left(records, time, key=by_time)
        if earlier:
            return _mark(records[earlier - 1])
        before = self._stretch(_BEFORE, self._bottom, seq).fetchone()
        return self._gone if before is None else max(Mark(*before), self._gone)

    def _is_from(self, seq: int, time: str) -> bool:
        """Whether the chunk at *seq*, or the next one, reaches to *time*; there being none is as good."""
        row = self._stretch(_NEXT_TIME, seq).fetchone()
        return row is None or row[0] >= time

    def _first(self, low: int, high: int, count: int) -> list[StoredRecord]:
        """The first *count* records behind *low* and up to *high*, or some more."""
        found: list[StoredRecord] = []
        with closing(self._stretch(_FIRST, max(low + 1, self._bottom))) as stretch:
            for (text,) in stretch:
                records = chunks.decode(self._log.stream, text)
                found += _between(records, low, high)
                if len(found) >= count or records[-1].seq >= high:
                    return found
        return found + _between(self._pending, low, high)

    def _last(self, low: int, high: int, count: int) -> list[StoredRecord]:
        """The last *count* records behind *low* and up to *high*, or some more."""
        parts = [_between(self._pending, low, high)]
        found = len(parts[0])
        if found < count:
            edge = self._stretch(_NEXT, high).fetchone()  # the chunk in which *high* lies
            top = self._top if edge is None else edge[0] + 1
            with closing(self._stretch(_LAST, max(low + 1, self._bottom), top)) as stretch:
                for (text,) in stretch:
                    parts.append(_between(chunks.decode(self._log.stream, text), low, high))
                    found += len(parts[-1])
                    if found >= count:
                        break
        return [record for part in reversed(parts) for record in part]

    def _chunk(self, seq: int) -> list[StoredRecord]:
        return chunks.decode(self._log.stream, self._stretch(_NEXT, seq).fetchone()[2])

    def _stretch(self, query: str, bottom: int, top: int | None = None) -> sqlite3.Cursor:
        """The answer to *query* about the chunks from *bottom* on and before *top*."""
        return self._db.execute(query, (*self._where, bottom, self._top if top is None else top))


def _between(records: list[StoredRecord], low: int, high: int) -> list[StoredRecord]:
    """Those behind *low* and up to *high*."""
    return records[bisect_left(records, low + 1, key=by_seq) : bisect_left(records, high + 1, key=by_seq)]


def _mark(record: Any) -> Mark:
    return Mark(record.seq, record.time)
