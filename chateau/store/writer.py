"""The writer: one thread that writes batches to the database, one transaction each.

It has one batch at a time and says how it went; what is put into a batch, and when, is the store's to
decide. While there is nothing to write it sleeps without a timer.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from itertools import chain
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from chateau.store import chunks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from chateau.store.rooms import Batch

CHECKPOINT_PAGES = 1000
"""After about so many pages the write-ahead log is carried over into the database."""

PROBE_BYTES = 64 * 1024
"""What must fit on a disk that was full before it is written to again."""

_PAGE_BYTES = 4096

_SAVE_ROOM = (
    "INSERT INTO rooms VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seq = excluded.last_seq"
)
_SAVE_LOG = "INSERT OR IGNORE INTO logs VALUES (?, ?, ?, 0, '', 0)"
_SAVE_CHUNKS = {
    count: "INSERT INTO chunks VALUES " + ", ".join(["(NULL, ?, ?, ?, ?, ?, ?)"] * count)
    for count in (64, 16, 4, 1)
}
"""By how many rows a statement brings.

Each statement lets go of the interpreter's lock and has to get it back from a busy loop: with a statement a
row, a batch of 100 rooms took 31 switches of threads, so it takes 12.
"""
_DELETE_CHUNKS = "DELETE FROM chunks WHERE room = ? AND stream = ? AND last_seq <= ?"
_MARK_DROPPED = "UPDATE logs SET dropped_seq = ?, dropped_time = ?, removed = ? WHERE room = ? AND stream = ?"


class Writer:
    """Owns *db* until it is stopped. After each batch *on_result* is called on *loop*."""

    def __init__(
        self, db: sqlite3.Connection, *, loop: asyncio.AbstractEventLoop, on_result: Callable[[], object]
    ) -> None:
        self.results: SimpleQueue[tuple[Batch, Exception | None]] = SimpleQueue()
        self._db = db
        self._loop = loop
        self._on_result = on_result
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._pages = 0  # about so many are in the write-ahead log only
        db.execute("PRAGMA wal_autocheckpoint = 0")
        self._thread = Thread(target=self._run, name="chateau-store")
        self._thread.start()

    def write(self, batch: Batch) -> None:
        """Write *batch* soon; it is the writer's alone until it is among the results."""
        self._batches.put(batch)

    def stop(self) -> None:
        """Wait for the thread's end."""
        self._batches.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            self.results.put((batch, self._try(batch)))
            with suppress(RuntimeError):  # the loop is closed: whoever closes the store fetches the result
                self._loop.call_soon_threadsafe(self._on_result)
            del batch
            # Only now, when the batch is reported: nobody waits for it any more.
            if self._pages >= CHECKPOINT_PAGES:
                self._checkpoint()

    def _try(self, batch: Batch) -> Exception | None:
        try:
            if batch.is_lone:
                save_chunks(self._db, self._rows(batch))  # a statement is a transaction by itself
            else:
                self._write_together(batch)
        except Exception as exc:
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            return exc
        return None

    def _write_together(self, batch: Batch) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._write(batch)
        self._db.execute("COMMIT")
        if batch.is_probe:
            self._db.execute("DELETE FROM meta WHERE name = 'probe'")

    def _write(self, batch: Batch) -> None:
        db = self._db
        if batch.rooms:
            db.executemany(_SAVE_ROOM, [(room.id, room.key, room.name, room.seq) for room in batch.rooms])
        if batch.logs:
            db.executemany(_SAVE_LOG, [(log.room.id, log.stream, log.began) for log in batch.logs])
        for log, (mark, added) in batch.erasures:
            db.execute(_DELETE_CHUNKS, (log.room.id, log.stream, mark.seq))
            db.execute(_MARK_DROPPED, (*mark, added, log.room.id, log.stream))
        if batch.parts:
            save_chunks(db, self._rows(batch))
        for log, may_go in batch.trims:
            drop(db, log.room.id, log.stream, may_go=may_go)
        if batch.oldest:
            sweep(db, batch.oldest)
        if batch.is_probe:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?))", (PROBE_BYTES,))

    def _rows(self, batch: Batch) -> list[tuple[int, int, int, int, str, str]]:
        rows = []
        written = 0
        for log, records in batch.parts:
            if records:  # none, where they were erased before they were written
                room, stream = log.room.id, log.stream
                for part, text in chunks.encode(stream, records):
                    rows.append((room, stream, part[-1].seq, len(part), part[-1].time, text))
                    written += len(text)
        # Room for the chunks, a page of the index for each of them, and a few of the tree above.
        self._pages += written // _PAGE_BYTES + len(rows) + 3
        return rows

    def _checkpoint(self) -> None:
        self._pages = 0
        with suppress(sqlite3.Error):  # what is in the log lasts all the same, and the next time may do
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def save_chunks(db: sqlite3.Connection, rows: Sequence[tuple[int, int, int, int, str, str]]) -> None:
    """Insert *rows*, as many at once as there is a statement for."""
    start = 0
    for count, statement in _SAVE_CHUNKS.items():
        while len(rows) - start >= count:
            db.execute(statement, list(chain.from_iterable(rows[start : start + count])))
            start += count


def drop(db: sqlite3.Connection, room: int, stream: int, *, may_go: int = 0, oldest: str = "") -> None:
    """Delete chunks that lie whole within the first *may_go* records ever, or from before *oldest*."""
    (removed,) = db.execute(
        "SELECT removed FROM logs WHERE room = ? AND stream = ?", (room, stream)
    ).fetchone()
    dropped = None
    stretch = db.execute(
        "SELECT last_seq, last_time, count FROM chunks WHERE room = ? AND stream = ? ORDER BY last_seq",
        (room, stream),
    )
    with closing(stretch):
        for last_seq, last_time, count in stretch:
            if removed + count > may_go and last_time >= oldest:
                break
            removed += count
            dropped = (last_seq, last_time, removed)
    if dropped is not None:
        db.execute(_DELETE_CHUNKS, (room, stream, dropped[0]))
        db.execute(_MARK_DROPPED, (*dropped, room, stream))


def sweep(db: sqlite3.Connection, oldest: str) -> None:
    """Delete chunks from before *oldest* in all rooms."""
    for room, stream in db.execute("SELECT room, stream FROM logs").fetchall():
        drop(db, room, stream, oldest=oldest)
