"""Writers: write batches to the database, one transaction each, in a thread or inline.

A writer has at most one batch at a time and reports its result; the store decides what is in a batch.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from itertools import chain
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from chateau.store.sqlite_files import Moved
from chateau.store.sqlite_schema import encode_chunks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from chateau.store.sqlite_files import OpenFiles
    from chateau.store.sqlite_state import Batch, StoredRoom

CHECKPOINT_PAGES = 1000
"""Carry the write-ahead log over into the database when it has about so many pages."""

_PAGE_BYTES = 4096

_SAVE_ROOM = (
    "INSERT INTO rooms VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seq = excluded.last_seq"
)
_SAVE_STREAM = "INSERT OR IGNORE INTO logs VALUES (?, ?, ?, 0, '', 0)"
_SAVE_CHUNKS = {
    count: "INSERT INTO chunks VALUES " + ", ".join(["(NULL, ?, ?, ?, ?, ?, ?)"] * count)
    for count in (64, 16, 4, 1)
}
"""Statements by the number of rows that they insert.

Each statement releases the interpreter lock and then competes for it with a busy event loop. With one
statement per row, a batch of 100 rooms took 31 thread switches; with these it takes 12.
"""
_DELETE_CHUNKS = "DELETE FROM chunks WHERE room = ? AND stream = ? AND last_seq <= ?"
_SAVE_DROPPED = "UPDATE logs SET dropped_seq = ?, dropped_time = ?, removed = ? WHERE room = ? AND stream = ?"

Row = tuple[int, int, int, int, str, str]


class InlineWriter:
    """Writes a batch before :meth:`write` returns: for tests, and for tools without an event loop.

    Calls *on_result* after each batch, whose result is then in :attr:`results`.
    """

    def __init__(self, db: sqlite3.Connection, files: OpenFiles, *, on_result: Callable[[], object]) -> None:
        self.results: SimpleQueue[tuple[Batch, Exception | None]] = SimpleQueue()
        self._db = db
        self._files = files
        self._on_result = on_result
        self._pages = 0  # estimated pages that are only in the write-ahead log
        db.execute("PRAGMA wal_autocheckpoint = 0")

    def write(self, batch: Batch) -> None:
        """Write *batch*; only the writer may change it until it is among the results."""
        self.results.put((batch, self._try(batch)))
        self._on_result()
        self._checkpoint_if_due()

    def stop(self) -> None:
        """Release the database when all batches are written."""

    def _try(self, batch: Batch) -> Exception | None:
        try:
            self._files.check()
            if batch.is_single_record:
                _save_chunks(self._db, self._rows(batch))  # a single statement is a transaction
            else:
                self._write_transaction(batch)
        except Exception as exc:
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(exc, Moved):  # what is committed is then in the database file alone
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return exc
        return None

    def _write_transaction(self, batch: Batch) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._write(batch)
        self._db.execute("COMMIT")

    def _write(self, batch: Batch) -> None:
        db = self._db
        save_rooms(db, batch.rooms)
        for stream in batch.streams:
            db.execute(_SAVE_STREAM, (stream.room.id, stream.number, stream.began))
        for stream, (position, added) in batch.erasures:
            db.execute(_DELETE_CHUNKS, (stream.room.id, stream.number, position.seq))
            db.execute(_SAVE_DROPPED, (*position, added, stream.room.id, stream.number))
        if batch.appends:
            _save_chunks(db, self._rows(batch))
        for stream, may_go in batch.trims:
            trim(db, stream.room.id, stream.number, may_go=may_go)
        if batch.oldest:
            for room, number in db.execute("SELECT room, stream FROM logs").fetchall():
                trim(db, room, number, oldest=batch.oldest)

    def _rows(self, batch: Batch) -> list[Row]:
        rows = []
        written = 0
        for stream, records in batch.appends:
            if records:  # empty if they were erased before they were written
                room, number = stream.room.id, stream.number
                for chunk, text in encode_chunks(number, records):
                    rows.append((room, number, chunk[-1].seq, len(chunk), chunk[-1].time, text))
                    written += len(text)
        # Pages of the chunks, a page of the index for each of them, and a few of the tree above.
        self._pages += written // _PAGE_BYTES + len(rows) + 3
        return rows

    def _checkpoint_if_due(self) -> None:
        if self._pages >= CHECKPOINT_PAGES:
            self._pages = 0
            with suppress(sqlite3.Error):  # the log is durable too, and the next checkpoint may succeed
                self._files.checkpoint(self._db)


class ThreadWriter(InlineWriter):
    """Writes batches in a thread of its own, and calls *on_result* on *loop*."""

    def __init__(
        self,
        db: sqlite3.Connection,
        files: OpenFiles,
        *,
        loop: asyncio.AbstractEventLoop,
        on_result: Callable[[], object],
    ) -> None:
        super().__init__(db, files, on_result=on_result)
        self._loop = loop
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="chateau-store")
        self._thread.start()

    def write(self, batch: Batch) -> None:
        self._batches.put(batch)

    def stop(self) -> None:
        self._batches.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            self.results.put((batch, self._try(batch)))
            with suppress(RuntimeError):  # the loop is closed: the store's close() reads the result
                self._loop.call_soon_threadsafe(self._on_result)
            del batch
            self._checkpoint_if_due()  # after the result, so that nobody waits for it


def save_rooms(db: sqlite3.Connection, rooms: Iterable[StoredRoom]) -> None:
    """Insert or update the rows of *rooms*."""
    rows = [(room.id, room.key, room.name, room.seq) for room in rooms]
    if rows:
        db.executemany(_SAVE_ROOM, rows)


def _save_chunks(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Insert *rows*, as many per statement as possible."""
    start = 0
    for count, statement in _SAVE_CHUNKS.items():
        while len(rows) - start >= count:
            db.execute(statement, list(chain.from_iterable(rows[start : start + count])))
            start += count


def trim(db: sqlite3.Connection, room: int, stream: int, *, may_go: int = 0, oldest: str = "") -> None:
    """Delete the chunks that are among the first *may_go* records ever, or older than *oldest*."""
    (removed,) = db.execute(
        "SELECT removed FROM logs WHERE room = ? AND stream = ?", (room, stream)
    ).fetchone()
    dropped = None
    chunks = db.execute(
        "SELECT last_seq, last_time, count FROM chunks WHERE room = ? AND stream = ? ORDER BY last_seq",
        (room, stream),
    )
    with closing(chunks):
        for last_seq, last_time, count in chunks:
            if removed + count > may_go and last_time >= oldest:
                break
            removed += count
            dropped = (last_seq, last_time, removed)
    if dropped is not None:
        db.execute(_DELETE_CHUNKS, (room, stream, dropped[0]))
        db.execute(_SAVE_DROPPED, (*dropped, room, stream))
