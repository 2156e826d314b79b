"""What the event loop's thread knows of each room, the batches that it writes, and loading it at the start.

A stream counts its records twice: those appended, and those known to be on disk. When a batch fails, the
first count is reset to the second, and rows that the batch should have written are written again.

The life of a batch, in the methods of :class:`chateau.store.sqlite.SqliteStore`::

    append() ─→ open ──── flush() ───→ in flight ──── _on_result() ──┬─→ confirmed   batch.confirm()
                filled by the          the writer's                  │               commit.finish(None)
                event loop             transaction                   └─→ reverted    batch.revert()
                                                                                     commit.finish(Unavailable)

At most one batch is open and at most one in flight. A batch is opened by the first record or erasure after
the last flush. It is flushed at the end of that loop iteration or, if another one is in flight, when that
one is done. If the batch in flight fails, the open one is reverted with it: its records follow lost ones.

Messages are delivered before they are on disk, so a seq that clients have seen may be lost when the process
is killed. After an unclean shutdown the seqs of all rooms therefore skip a gap.
"""

from __future__ import annotations

import logging
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chateau.store.retention import RETAINING_STREAMS, StreamPosition
from chateau.store.sqlite_writer import save_rooms, trim

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Callable, Iterable

    from chateau.hub.events import StoredRecord
    from chateau.store.retention import Limits

log = logging.getLogger(__name__)

CRASH_GAP = 1_000_000
"""More seqs than a room uses before one of them is saved: see ``SAVE_SEQ_EVERY``."""

SAVE_SEQ_EVERY = CRASH_GAP // 4
"""Save a room's last seq after at most so many, even if none of them has a record."""


@dataclass(slots=True, eq=False)
class StoredRoom:
    """A room: its id in the database, its last seq, and its streams, None where it has no record yet."""

    id: int
    key: str
    name: str
    seq: int
    is_saved: bool = field(kw_only=True)
    save_at: int = field(init=False)  # save the last seq when it reaches this number
    streams: list[Stream | None] = field(default_factory=lambda: [None, None, None])

    def __post_init__(self) -> None:
        self.save_at = self.seq + 1

    def is_retained(self, limits: Limits) -> bool:
        """Return whether the room has a record that makes it exist."""
        oldest = limits.oldest()
        for number in RETAINING_STREAMS:
            stream = self.streams[number]
            if stream and stream.last and limits.counts[number] and stream.last.time >= oldest:
                return True
        return False


class Erasure(NamedTuple):
    """The deletion of all records of a stream up to *position*, which are its first *added* ones."""

    position: StreamPosition
    added: int


@dataclass(slots=True, eq=False)
class Stream:
    """One stream of a room. *added* counts all its records, including the *removed* ones."""

    room: StoredRoom
    number: int
    limit: InitVar[int]
    added: int = 0
    removed: InitVar[int] = 0
    began: str = ""  # the time of the first record
    last: StoredRecord | StreamPosition | None = None  # the last record, unless erased
    saved_added: int = field(init=False)
    saved_last: StoredRecord | StreamPosition | None = field(init=False)
    is_saved: bool = False
    pending: list[list[StoredRecord]] = field(default_factory=list)  # not known to be on disk; one per batch
    open: list[StoredRecord] | None = None  # the list of the batch that is being filled
    erased: Erasure | None = None  # until it is on disk
    trim_at: int = field(init=False)

    def __post_init__(self, limit: int, removed: int) -> None:
        self.saved_added = self.added
        self.saved_last = self.last
        self.trim_at = max(removed + limit, self.added) + _slack(limit)

    def append(self, record: StoredRecord, limit: int) -> bool:
        """Append *record* to the open list. Return whether the stream is due for trimming."""
        assert self.open is not None
        self.open.append(record)
        self.last = record
        self.added += 1
        if self.added < self.trim_at:
            return False
        self.trim_at = self.added + _slack(limit)
        return True

    def erase(self, last: StoredRecord | StreamPosition) -> Erasure:
        """Erase all records up to *last*."""
        if self.open is not None:
            self.open.clear()  # the writer erases before it appends
        self.open = None
        self.pending = []
        self.last = None
        self.erased = Erasure(StreamPosition(last.seq, last.time), self.added)
        return self.erased

    def confirm_erasure(self, erasure: Erasure) -> None:
        """Update the counts: *erasure* is on disk."""
        self.saved_added = erasure.added
        self.saved_last = None
        if self.erased is erasure:
            self.erased = None

    def confirm(self, records: list[StoredRecord]) -> None:
        """Update the counts: *records* are on disk."""
        if records:
            self.saved_added += len(records)
            self.saved_last = records[-1]
            if self.pending and self.pending[0] is records:
                del self.pending[0]

    def revert(self) -> None:
        """Forget what is not on disk."""
        self.added = self.saved_added
        self.last = self.saved_last
        self.pending = []
        self.open = None
        self.erased = None


def _slack(limit: int) -> int:
    """Return by how many records a stream may exceed *limit*: deleting them one by one is expensive."""
    return max(limit // 16, 16)


class Commit:
    """A :class:`chateau.hub.ports.Commit`, shared by all records of a batch. Not thread-safe."""

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

    def finish(self, exception: BaseException | None) -> None:
        """Become done, and call all callbacks in the order in which they were added."""
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


@dataclass(slots=True, eq=False)
class Batch:
    """What one transaction writes, and its commit. Filled by the event loop, then read by the writer."""

    commit: Commit
    rooms: list[StoredRoom] = field(default_factory=list)  # rows to write
    streams: list[Stream] = field(default_factory=list)  # rows to write
    erasures: list[tuple[Stream, Erasure]] = field(default_factory=list)
    appends: list[tuple[Stream, list[StoredRecord]]] = field(default_factory=list)
    trims: list[tuple[Stream, int]] = field(default_factory=list)  # with how many first records may go
    oldest: str = ""  # delete all records that are older

    @property
    def is_single_record(self) -> bool:
        """Whether it writes one record and nothing else."""
        more = self.rooms or self.streams or self.erasures or self.trims or self.oldest
        return not more and len(self.appends) == 1 and len(self.appends[0][1]) == 1

    def open_list(self, stream: Stream, time: str) -> None:
        """Open a list for the records of *stream*, the next of which has *time*."""
        if not stream.room.is_saved:
            stream.room.is_saved = True
            self.rooms.append(stream.room)
        if not stream.is_saved:
            stream.is_saved = True
            stream.began = time
            self.streams.append(stream)
        stream.open = []
        stream.pending.append(stream.open)
        self.appends.append((stream, stream.open))

    def close(self) -> None:
        """Accept no more records."""
        for stream, _ in self.appends:
            stream.open = None

    def confirm(self) -> None:
        """Update the streams: all of it is on disk."""
        for stream, erasure in self.erasures:
            stream.confirm_erasure(erasure)
        for stream, records in self.appends:
            stream.confirm(records)

    def revert(self) -> None:
        """Update the streams: none of it is on disk, nor will be."""
        for room in self.rooms:
            room.is_saved = False
        for stream in self.streams:
            stream.is_saved = False
        for stream, _ in (*self.appends, *self.erasures):
            stream.revert()


class LoadedState(NamedTuple):
    """All rooms by their keys, and the seq after which those of new rooms begin."""

    rooms: dict[str, StoredRoom]
    floor: int


def load_state(db: sqlite3.Connection, limits: Limits) -> LoadedState:
    """Return the rooms in *db*, trimmed to *limits*, and mark *db* as in use."""
    db.execute("BEGIN IMMEDIATE")
    rows = db.execute("SELECT id, key, name, last_seq FROM rooms").fetchall()
    rooms: dict[int, StoredRoom] = {row[0]: StoredRoom(*row, is_saved=True) for row in rows}
    _load_streams(db, rooms, limits)
    (clean,), (floor,) = db.execute(
        "SELECT value FROM meta WHERE name IN ('clean', 'floor') ORDER BY name"
    ).fetchall()
    if not clean:
        floor += CRASH_GAP
        for room in rooms.values():
            room.seq += CRASH_GAP
        # On disk before the first of these seqs is used: the next shutdown may be unclean too.
        save_rooms(db, rooms.values())
        db.execute("UPDATE meta SET value = ? WHERE name = 'floor'", (floor,))
    db.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")
    db.execute("COMMIT")
    return LoadedState({room.key: room for room in rooms.values()}, floor)


def save_state(db: sqlite3.Connection, rooms: Iterable[StoredRoom]) -> None:
    """Save the last seqs of *rooms* in *db*, and mark a clean shutdown."""
    db.execute("BEGIN IMMEDIATE")
    save_rooms(db, rooms)
    db.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")
    db.execute("COMMIT")


def _load_streams(db: sqlite3.Connection, rooms: dict[int, StoredRoom], limits: Limits) -> None:
    oldest = limits.oldest()
    counts = {  # the index alone is read for this
        (room, number): (count, last_seq)
        for room, number, count, last_seq in db.execute(
            "SELECT room, stream, sum(count), max(last_seq) FROM chunks GROUP BY room, stream"
        )
    }
    for id_, number, began, dropped_seq, removed in db.execute(
        "SELECT room, stream, began, dropped_seq, removed FROM logs"
    ).fetchall():
        count, last_seq = counts.get((id_, number), (0, dropped_seq))
        added = removed + count
        limit = limits.counts[number]
        trim(db, id_, number, may_go=added - limit, oldest=oldest)
        room = rooms[id_]
        last = _position_at(db, id_, number, last_seq)
        room.streams[number] = Stream(room, number, limit, added, removed, began, last, is_saved=True)
        room.seq = max(room.seq, last_seq)


def _position_at(db: sqlite3.Connection, room: int, stream: int, seq: int) -> StreamPosition | None:
    row = db.execute(
        "SELECT last_seq, last_time FROM chunks WHERE room = ? AND stream = ? AND last_seq = ?",
        (room, stream, seq),
    ).fetchone()
    return None if row is None else StreamPosition(*row)
