"""The database file: its tables, how an old one becomes a new one, and how a connection is set up.

Records lie in chunks: what one batch brings to one stream of a room is one row, a JSON array of arrays.
A row a record would cost three times as much, most of it for calls into SQLite.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from chateau.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    INSERT INTO meta VALUES ('clean', 1), ('floor', 0);

    -- last_seq is up to date after a clean end only.
    CREATE TABLE rooms (id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, name TEXT NOT NULL,
                        last_seq INTEGER NOT NULL);

    -- A stream of a room. began is the time of its first record of all; dropped_seq and dropped_time
    -- are those of the last record that was deleted, and removed is how many were, ever.
    CREATE TABLE logs (room INTEGER, stream INTEGER, began TEXT NOT NULL, dropped_seq INTEGER NOT NULL,
                       dropped_time TEXT NOT NULL, removed INTEGER NOT NULL,
                       PRIMARY KEY (room, stream)) WITHOUT ROWID;

    -- With a rowid: new rows lie side by side, whatever their rooms, and a commit writes few pages.
    CREATE TABLE chunks (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, stream INTEGER NOT NULL,
                         last_seq INTEGER NOT NULL, count INTEGER NOT NULL, last_time TEXT NOT NULL,
                         records TEXT NOT NULL);
    CREATE UNIQUE INDEX chunks_in_order ON chunks (room, stream, last_seq, count);
    """,
)
"""The script at index n brings a database from version n, its ``user_version``, to version n + 1."""

BUSY_SECONDS = 5.0
"""How long to wait for someone who looks into the database with a tool of their own."""


def connect(file: Path) -> sqlite3.Connection:
    """A connection with explicit transactions, to be used by one thread at a time."""
    db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def open_database(file: Path, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """A connection to the database *file*, made or brought up to date where need be.

    Raises:
        StoreError: it is not the server's, of a newer version, or cannot be written.
    """
    try:
        db = connect(file)
    except sqlite3.Error as exc:
        raise StoreError(_sentence(file, exc)) from exc
    try:
        migrate(db, file, migrations)
    except sqlite3.Error as exc:
        db.close()
        raise StoreError(_sentence(file, exc)) from exc
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection, file: Path, migrations: Sequence[str]) -> None:
    """Bring *db* to the last version, each step whole or not at all."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StoreError(
            f"{file} has version {version}, of a newer server; this one knows those up to {len(migrations)}."
        )
    if version == 0 and db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise StoreError(f"{file} is a database of another program.")
    for number in range(version, len(migrations)):
        step = f"BEGIN IMMEDIATE;\n{migrations[number]};\nPRAGMA user_version = {number + 1};\nCOMMIT;"
        try:
            db.executescript(step)
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _sentence(file: Path, exc: sqlite3.Error) -> str:
    if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return f"{file} is not a database."
    return f"{file} cannot be used: {exc}."
