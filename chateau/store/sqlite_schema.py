"""The database file: lock, tables, migrations, and the text format of records.

Records are stored in chunks: one row has the records that one batch appends to one stream of a room, as
a JSON array of arrays. One row per record would cost three times as much, most of it for calls into SQLite.
"""

from __future__ import annotations

import os
import sqlite3
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from chateau.store import StoreError
from chateau.store.retention import PUBLICATIONS, RECORD_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from filelock import BaseFileLock

    from chateau.hub.events import Publication, StoredRecord

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    INSERT INTO meta VALUES ('clean', 1), ('floor', 0);

    -- last_seq is up to date only after a clean shutdown.
    CREATE TABLE rooms (id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, name TEXT NOT NULL,
                        last_seq INTEGER NOT NULL);

    -- A stream of a room. began is the time of its very first record; dropped_seq and dropped_time are
    -- those of the last record that was deleted, and removed is the number of all deleted records.
    CREATE TABLE logs (room INTEGER, stream INTEGER, began TEXT NOT NULL, dropped_seq INTEGER NOT NULL,
                       dropped_time TEXT NOT NULL, removed INTEGER NOT NULL,
                       PRIMARY KEY (room, stream)) WITHOUT ROWID;

    -- With a rowid: new rows of all rooms are adjacent, and a commit writes few pages.
    CREATE TABLE chunks (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, stream INTEGER NOT NULL,
                         last_seq INTEGER NOT NULL, count INTEGER NOT NULL, last_time TEXT NOT NULL,
                         records TEXT NOT NULL);
    CREATE UNIQUE INDEX chunks_in_order ON chunks (room, stream, last_seq, count);
    """,
)
"""The script at index n migrates a database from version n, its ``user_version``, to version n + 1."""

BUSY_SECONDS = 5.0
"""Maximum wait for another program that has locked the database."""

CHUNK_BYTES = 64 * 1024
"""Maximum size of a chunk of several records; to read one record, its whole chunk must be read."""

_PAYLOAD = 2  # index in the row of a publication


def lock_folder(folder: Path) -> BaseFileLock:
    """Lock *folder* for this process, until the lock is released or the process ends.

    The lock file, which remains, has the process id.

    Raises:
        StoreError: another process has the lock, or the lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    file = folder / "lock"
    lock = FileLock(
        file, blocking=False, thread_local=False, fallback_to_soft=False, on_acquired=_write_process_id
    )
    try:
        lock.acquire()
    except Timeout as exc:
        holder = ""
        with suppress(OSError):  # on Windows, the holder's lock prevents reading
            holder = file.read_text(errors="replace").strip()
        shown = f" (process {holder})" if holder else ""
        raise StoreError(f"{folder} is in use by another server{shown}.") from exc
    except OSError as exc:
        raise StoreError(f"{file} cannot be locked: {exc.strerror}.") from exc
    return lock


def _write_process_id(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())


def connect(file: Path) -> sqlite3.Connection:
    """Return a connection with explicit transactions, to be used by one thread at a time."""
    db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def open_database(file: Path, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """Return a connection to the database *file*, created or migrated to the last version if necessary.

    Raises:
        StoreError: the file is not a database of this server, is of a newer version, or cannot be written.
    """
    try:
        db = connect(file)
        try:
            migrate(db, file, migrations)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as exc:
        is_database = getattr(exc, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB
        problem = f"cannot be used: {exc}" if is_database else "is not a database"
        raise StoreError(f"{file} {problem}.") from exc
    return db


def migrate(db: sqlite3.Connection, file: Path, migrations: Sequence[str]) -> None:
    """Migrate *db* to the last version; a step that fails changes nothing."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StoreError(
            f"{file} has version {version}, of a newer server; expected at most {len(migrations)}."
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


def encode_chunks(
    stream: int, records: Sequence[StoredRecord]
) -> Iterator[tuple[Sequence[StoredRecord], str]]:
    """Yield *records* split into chunks, each with its text."""
    to_row: Callable[[Any], Sequence[Any]] = _publication_row if stream == PUBLICATIONS else tuple
    text = orjson.dumps(list(map(to_row, records)))
    if len(text) <= CHUNK_BYTES or len(records) == 1:
        yield records, text.decode()
    else:
        half = len(records) // 2
        yield from encode_chunks(stream, records[:half])
        yield from encode_chunks(stream, records[half:])


def decode_chunk(stream: int, text: str) -> list[StoredRecord]:
    """Return the records of a chunk, oldest first."""
    make = RECORD_OF[stream]
    rows = orjson.loads(text)
    if stream == PUBLICATIONS:
        for row in rows:
            row[_PAYLOAD] = _decode_payload(row[_PAYLOAD])
    return [make(*row) for row in rows]


def _publication_row(publication: Publication) -> list[Any]:
    """Return the row of *publication*: text stays readable, other bytes are base64 in a list."""
    row: list[Any] = list(publication)
    try:
        row[_PAYLOAD] = publication.payload.decode()
    except UnicodeDecodeError:
        row[_PAYLOAD] = [b64encode(publication.payload).decode()]
    return row


def _decode_payload(stored: str | list[str]) -> bytes:
    return stored.encode() if isinstance(stored, str) else b64decode(stored[0])
