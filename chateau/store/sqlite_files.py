"""The files of an open database: whether they are still those at their paths, and can be written.

An open database can be removed, moved away or replaced on most systems. SQLite then writes to a file that has
no name any more, and the records are lost at the next start. It can also be overwritten in place, by ``cp``,
and SQLite would mix both contents. So each batch first compares the files at the paths with those that were
opened, and the mark in the database's header with the one that the last checkpoint has written.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from random import SystemRandom

PROBE_BYTES = 32 * 1024
"""Free space that a disk that was full must have for a record to be accepted, besides that for its text: a
small message takes three to six pages of the write-ahead log."""


_MARK_AT = 68
"""Where the header has the application id, which SQLite does not use (SQLite's file format, section 1.3)."""

_MARK_BYTES = 4


class Moved(sqlite3.OperationalError):
    """A file of the open database was removed, moved or replaced; the text names it."""


class Overwritten(sqlite3.OperationalError):
    """The open database was overwritten in place; the text names it."""


class OpenFiles:
    """The files of the database *file*, which is open: itself and its write-ahead log."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._paths = (str(file), f"{file}-wal")
        self._identities = [_identity(path) for path in self._paths]
        self._descriptor = os.open(file, os.O_RDONLY)
        self._marks = {self._mark()} if hasattr(os, "pread") else set()

    def close(self) -> None:
        """Close the database's descriptor. Call this after SQLite has closed it: its locks end with this."""
        os.close(self._descriptor)

    def check(self) -> None:
        """Raise :class:`Moved` or :class:`Overwritten` if these are not the files that were opened.

        Costs three system calls.
        """
        for index, path in enumerate(self._paths):
            identity = _identity(path)
            if identity != self._identities[index]:
                done = "removed" if identity is None else "replaced"
                raise Moved(f"{path} was {done} while the server runs; put it back, or restart the server")
        if hasattr(os, "pread") and self._mark() not in self._marks:
            raise Overwritten(
                f"{self._file} was overwritten while the server runs; stop the server, remove this file and"
                f" {self._file.name}-wal and -shm, and restore a backup"
            )

    def checkpoint(self, db: sqlite3.Connection) -> None:
        """Carry the write-ahead log over into the database, with a new mark.

        Raises:
            sqlite3.Error: the disk is full, or another program has locked the database.
        """
        mark = SystemRandom().randrange(1, 2**31)
        self._marks = {*self._marks, mark}  # not changed in place: two threads check
        db.execute(f"PRAGMA application_id = {mark}")
        is_busy, pages, done = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not is_busy and pages == done:
            self._marks = {mark}

    def _mark(self) -> int:
        return int.from_bytes(os.pread(self._descriptor, _MARK_BYTES, _MARK_AT), "big")

    def can_write(self, size: int) -> bool:
        """Return whether a record of *size* bytes can be written now; do not wait for a lock."""
        try:
            self.check()
            with closing(sqlite3.connect(self._uri, uri=True, timeout=0, isolation_level=None)) as db:
                _write_and_undo(db, PROBE_BYTES + size)
        except sqlite3.Error:
            return False
        return True

    @property
    def _uri(self) -> str:
        return f"{self._file.absolute().as_uri()}?mode=rw"  # never create it


def _write_and_undo(db: sqlite3.Connection, size: int) -> None:
    """Write *size* bytes to the write-ahead log, without a commit.

    With a cache that is too small for them, the pages go to the log, which grows if necessary: this is where
    a full disk is noticed. They are undone, and the space in the log is there for the next transaction.
    """
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?))", (size,))
    finally:
        with suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")


def _identity(path: str) -> tuple[int, int] | None:
    """Return the device and inode of the file at *path*; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat
    except OSError:
        return None
    return status.st_dev, status.st_ino
