"""Opening and closing the books: what a database says of the rooms, and how it learns that nothing was lost.

Messages are delivered before they are on disk, so a number that clients have seen may die with the
process. After an end that was not clean every room's numbers therefore leave a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chateau.store.pages import Mark
from chateau.store.rooms import Log, Room
from chateau.store.writer import drop

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from chateau.store.pages import Limits

CRASH_GAP = 1_000_000
"""More numbers than a room gives out before the disk knows of one of them: see ``NOTED_EVERY``."""

NOTED_EVERY = CRASH_GAP // 4
"""After so many numbers at most the last one is noted on disk, also where nothing is kept under them."""


class Books(NamedTuple):
    """All rooms by their keys, and the number above which those of new rooms begin."""

    rooms: dict[str, Room]
    floor: int


def open_books(db: sqlite3.Connection, limits: Limits, trim_at: Callable[[int, int, int], int]) -> Books:
    """Read what *db* says of the rooms, without what is over the *limits*; note there that they are in use.

    *trim_at* says from which count on a log is to be trimmed; see :class:`~chateau.store.rooms.Log`.
    """
    db.execute("BEGIN IMMEDIATE")
    rooms = {row[0]: Room(row[0], row[1], name=row[2], seq=row[3], is_saved=True) for row in _rooms(db)}
    _load_logs(db, rooms, limits, trim_at)
    clean, floor = (_meta(db, name) for name in ("clean", "floor"))
    if not clean:
        floor += CRASH_GAP
        for room in rooms.values():
            room.seq += CRASH_GAP
        # On disk before the first of these numbers is given out: the next end may not be clean either.
        _save(db, rooms.values())
        db.execute("UPDATE meta SET value = ? WHERE name = 'floor'", (floor,))
    db.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")
    db.execute("COMMIT")
    return Books({room.key: room for room in rooms.values()}, floor)


def close_books(db: sqlite3.Connection, rooms: Iterable[Room]) -> None:
    """Note in *db* the last numbers of *rooms*, and that they are the last."""
    db.execute("BEGIN IMMEDIATE")
    _save(db, rooms)
    db.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")
    db.execute("COMMIT")


def _load_logs(
    db: sqlite3.Connection, rooms: dict[int, Room], limits: Limits, trim_at: Callable[[int, int, int], int]
) -> None:
    oldest = limits.oldest()
    counts = _counts(db)
    for room, stream, began, dropped_seq, removed in db.execute(
        "SELECT room, stream, began, dropped_seq, removed FROM logs"
    ).fetchall():
        count, last_seq = counts.get((room, stream), (0, dropped_seq))
        added = removed + count
        limit = limits.counts[stream]
        drop(db, room, stream, may_go=added - limit, oldest=oldest)
        log = Log(rooms[room], stream, trim_at=trim_at(limit, removed, added))
        log.loaded(began=began, added=added, last=_last(db, room, stream, last_seq))
        rooms[room].logs[stream] = log
        rooms[room].seq = max(rooms[room].seq, last_seq)


def _rooms(db: sqlite3.Connection) -> list[tuple[int, str, str, int]]:
    return db.execute("SELECT id, key, name, last_seq FROM rooms").fetchall()


def _counts(db: sqlite3.Connection) -> dict[tuple[int, int], tuple[int, int]]:
    """How many records each stream has, and the last one's seq; the index alone answers it."""
    rows = db.execute("SELECT room, stream, sum(count), max(last_seq) FROM chunks GROUP BY room, stream")
    return {(room, stream): (count, last_seq) for room, stream, count, last_seq in rows}


def _last(db: sqlite3.Connection, room: int, stream: int, seq: int) -> Mark | None:
    row = db.execute(
        "SELECT last_seq, last_time FROM chunks WHERE room = ? AND stream = ? AND last_seq = ?",
        (room, stream, seq),
    ).fetchone()
    return None if row is None else Mark(*row)


def _meta(db: sqlite3.Connection, name: str) -> int:
    (value,) = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return int(value)


def _save(db: sqlite3.Connection, rooms: Iterable[Room]) -> None:
    db.executemany(
        "INSERT INTO rooms VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seq = excluded.last_seq",
        [(room.id, room.key, room.name, room.seq) for room in rooms],
    )
