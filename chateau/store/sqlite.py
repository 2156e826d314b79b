"""The store on disk: one SQLite database in a folder, used by one server at a time.

Appended records are in memory until the writer is free; then all of them go to disk in one transaction with
one commit. Reads are done by the event loop's thread, on a connection of its own, and merge the records
on disk with those that are not yet there.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from contextlib import ExitStack, suppress
from queue import Empty
from typing import TYPE_CHECKING, Literal

from chateau.hub.errors import Unavailable
from chateau.hub.ports import Page
from chateau.store import StoreError
from chateau.store.retention import (
    STREAM_OF,
    SWEEP_SECONDS,
    HistoryQuery,
    Limits,
    make_page,
    streams_to_read,
)
from chateau.store.sqlite_files import Moved, OpenFiles
from chateau.store.sqlite_reader import Reader, View
from chateau.store.sqlite_schema import encode_chunks, lock_folder, open_database
from chateau.store.sqlite_state import (
    SAVE_SEQ_EVERY,
    Batch,
    Commit,
    StoredRoom,
    Stream,
    load_state,
    save_state,
)
from chateau.store.sqlite_writer import InlineWriter, ThreadWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from chateau.hub.events import StoredRecord

log = logging.getLogger(__name__)

FILE_NAME = "chateau.db"

TRIAL_SHARE = 0.1
"""While the database cannot be written, trying it takes at most this share of the event loop's time."""

TRIAL_BURST_SECONDS = 1.0
"""After so many seconds without a trial, as much time as their share is available at once."""


class SqliteStore:
    """Stores the last *history* messages of each room, as many joins, and *channel_history* publications.

    With *max_age_seconds*, older records are deleted; *clock* returns seconds since 1970. All methods must
    be called in the thread of *loop*. Call :meth:`close`, or the writer's thread keeps the process alive.
    """

    def __init__(
        self,
        folder: Path,
        *,
        loop: asyncio.AbstractEventLoop,
        history: int = 10_000,
        channel_history: int = 0,
        max_age_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
        writer: Literal["thread", "inline"] = "thread",
    ) -> None:
        """Open the database in *folder*; create them if necessary.

        With the ``inline`` writer, :meth:`flush` has written all records when it returns.

        Raises:
            StoreError: another server uses the folder, the database is not a Chateau database, or a file
                cannot be written.
        """
        self._file = folder / FILE_NAME
        self._loop = loop
        self._limits = Limits(
            history=history, channel_history=channel_history, max_age_seconds=max_age_seconds, clock=clock
        )
        self._open(folder)
        self._writer = (
            ThreadWriter(self._db, self._files, loop=loop, on_result=self._on_result)
            if writer == "thread"
            else InlineWriter(self._db, self._files, on_result=self._on_result)
        )
        self._next_id = max((room.id for room in self._rooms.values()), default=0) + 1
        self._batch: Batch | None = None  # the one that is being filled
        self._in_flight: Batch | None = None  # the one that the writer has
        self._sweep_at = loop.time() + SWEEP_SECONDS if self._limits.has_age else float("inf")
        self._is_broken = False
        self._is_closed = False
        self._is_read_only = False  # broken or closed
        self._tried_until = 0.0  # the time whose share the trials have taken; later than now in a burst
        self._can_read = True

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"{folder} cannot be created: {exc.strerror}.") from exc
        with ExitStack() as on_error:
            self._lock = lock_folder(folder)
            on_error.callback(self._lock.release)
            self._db = open_database(self._file)
            on_error.callback(self._db.close)
            try:
                self._rooms, self._floor = load_state(self._db, self._limits)
                self._reader = Reader(self._file)
                self._files = OpenFiles(self._file)  # after a write, with which the write-ahead log begins
                on_error.callback(self._files.close)
                self._files.checkpoint(self._db)
            except sqlite3.Error as exc:
                raise StoreError(f"{self._file} cannot be used: {exc}.") from exc
            on_error.pop_all()

    # The port

    def next_seq(self, key: str) -> int:
        room = self._rooms.get(key) or self._add_room(key)
        room.seq += 1
        if room.seq >= room.save_at and not self._is_read_only:
            self._save_seq(room)
        return room.seq

    def append(self, key: str, record: StoredRecord) -> Commit:
        if self._is_read_only:
            self._recover_or_reject(_size_of(record))
        room = self._rooms.get(key) or self._add_room(key)
        number = STREAM_OF[type(record)]
        limit = self._limits.counts[number]
        stream = room.streams[number]
        if stream is None:
            stream = room.streams[number] = Stream(room, number, limit)
        if room.name != record.room and not room.is_retained(self._limits):
            room.name = record.room
            room.is_saved = False
        batch = self._batch or self._begin()
        if stream.open is None:
            batch.open_list(stream, record.time)
        if stream.append(record, limit):
            batch.trims.append((stream, stream.added - limit))
        return batch.commit

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
        try:
            page = self._read(room, query, joins=joins)
        except (sqlite3.Error, ValueError, TypeError) as exc:  # the latter two: invalid chunks
            if self._can_read:
                log.error("%s cannot be read: %s", self._file, exc)  # noqa: TRY400 - one line, for people
            self._can_read = False
            raise Unavailable("The history cannot be read right now; try again later.") from exc
        self._can_read = True
        return page

    def rooms(self) -> Iterable[tuple[str, str]]:
        return [(key, room.name) for key, room in self._rooms.items() if room.is_retained(self._limits)]

    def holds(self, key: str) -> bool:
        room = self._rooms.get(key)
        return room is not None and room.is_retained(self._limits)

    def erase(self, key: str) -> Commit | None:
        if self._is_read_only:
            self._recover_or_reject(0)
        room = self._rooms.get(key)
        commit = None
        for stream in room.streams if room else ():
            if stream is not None and stream.last is not None:
                batch = self._batch or self._begin()
                batch.erasures.append((stream, stream.erase(stream.last)))
                commit = batch.commit
        return commit

    def why_read_only(self) -> str | None:
        if not self._is_read_only:
            return None
        try:
            self._recover_or_reject(0)
        except Unavailable as error:
            return str(error)
        return None

    async def settle(self) -> None:
        batch = self._batch or self._in_flight
        if batch is not None:
            settled = asyncio.Event()
            batch.commit.add_done_callback(lambda _: settled.set())
            await settled.wait()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = self._is_read_only = True
        self.flush()
        while self._in_flight is not None:
            self._finish(*self._writer.results.get())
            self.flush()
        self._writer.stop()
        self._reader.close()
        try:
            with suppress(Moved):  # what was moved away shall be complete
                self._files.check()
            save_state(self._db, self._rooms.values())
        except sqlite3.Error as exc:
            if not self._is_broken:  # otherwise that is in the log
                log.error("%s cannot be marked as closed: %s", self._file, exc)  # noqa: TRY400 - one line, for people
        self._db.close()
        self._files.close()
        self._lock.release()

    # Batches, to the writer and back

    def flush(self) -> None:
        """Pass the current batch to the writer, unless that has one already."""
        batch = self._batch
        if batch is None or self._in_flight is not None:
            return
        if self._loop.time() >= self._sweep_at:
            self._sweep_at = self._loop.time() + SWEEP_SECONDS
            batch.oldest = self._limits.oldest()
        batch.close()
        self._in_flight, self._batch = batch, None
        self._writer.write(batch)

    def _add_room(self, key: str) -> StoredRoom:
        room = self._rooms[key] = StoredRoom(self._next_id, key, name="", seq=self._floor, is_saved=False)
        self._next_id += 1
        return room

    def _begin(self) -> Batch:
        """Begin a batch: it is flushed at the end of the loop iteration, or when the writer is free."""
        batch = self._batch = Batch(Commit(self._loop))
        if self._in_flight is None:
            self._loop.call_soon(self.flush)
        return batch

    def _save_seq(self, room: StoredRoom) -> None:
        room.save_at = room.seq + SAVE_SEQ_EVERY
        room.is_saved = True
        (self._batch or self._begin()).rooms.append(room)

    def _on_result(self) -> None:
        try:
            batch, error = self._writer.results.get_nowait()
        except Empty:  # close() has read it
            return
        self._finish(batch, error)

    def _finish(self, batch: Batch, error: Exception | None) -> None:
        self._in_flight = None
        if error is not None:
            self._fail(batch, error)
            return
        batch.confirm()
        batch.commit.finish(None)
        # In the next loop iteration, with what the clients that receive these responses send next: for 100
        # publishers, 187 messages per batch instead of 147, for 10 % less CPU. A single message does not
        # wait for this.
        self._loop.call_soon(self.flush)

    # Failures

    def _fail(self, batch: Batch, error: Exception) -> None:
        if not self._is_broken:
            bug = None if isinstance(error, sqlite3.Error) else error
            log.error("%s cannot be written, nothing is stored for now: %s", self._file, error, exc_info=bug)
        self._is_broken = self._is_read_only = True
        failed = [batch] if self._batch is None else [batch, self._batch]
        self._batch = None
        for each in failed:
            each.revert()
        unavailable = _unavailable()
        unavailable.__cause__ = error
        for each in failed:
            each.commit.finish(unavailable)

    def _recover_or_reject(self, size: int) -> None:
        """Accept records again if one of *size* bytes can be written now.

        Raises:
            Unavailable: it cannot, the store is closed, or this was tried too often.
        """
        now = self._loop.time()
        if self._is_closed or self._tried_until > now + TRIAL_BURST_SECONDS:
            raise _unavailable()
        can_write = self._files.can_write(size)
        self._tried_until = max(self._tried_until, now) + (self._loop.time() - now) / TRIAL_SHARE
        if not can_write:
            raise _unavailable()
        self._is_broken = self._is_read_only = False
        log.warning("%s can be written again", self._file)

    def _read(self, room: StoredRoom, query: HistoryQuery, *, joins: bool) -> Page:
        oldest = self._limits.oldest()
        with self._reader.snapshot() as db:
            segments = [
                View(db, stream, limit=self._limits.counts[stream.number], oldest=oldest).read(query)
                for stream in map(room.streams.__getitem__, streams_to_read(joins=joins))
                if stream is not None
            ]
        return make_page(query, segments)


def _size_of(record: StoredRecord) -> int:
    """Return how many bytes the text of *record* takes; 0 if it cannot be encoded, as the writer reports."""
    try:
        return sum(len(text.encode()) for _, text in encode_chunks(STREAM_OF[type(record)], [record]))
    except TypeError:
        return 0


def _unavailable() -> Unavailable:
    return Unavailable("Messages cannot be stored right now; try again later.")
