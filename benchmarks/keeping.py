"""The cost of storage: messages on disk before their acknowledgement, compared with bare SQLite commits.

The server that is measured here is Chateau alone, with its default store; the bare commits are made by this
process, on the same disk, with the same pragmas, one message each.
"""

import json
import sqlite3
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from scenarios import CONTENT, Run, register, run_load
from servers import Running

PUBLISHERS = 100
WINDOW = 4
MESSAGES = 200
LONE_MESSAGES = 500
CROWD_MARK_MICROSECONDS = 20.0
LONE_MARK_RATIO = 2.0


def crowd(running: Running, *, tag: str, share: float = 1.0) -> float:
    """Return µs of server CPU per acknowledged message: 100 publishers, each alone in a room, 4 in flight.

    Raises:
        LoadError: frames were missing, or the server closed a connection.
    """
    return (
        2
        * _publish(
            running, tag, publishers=PUBLISHERS, window=WINDOW, count=round(MESSAGES * share)
        ).microseconds
    )


def lone(running: Running, *, tag: str, share: float = 1.0) -> float:
    """Return the p50 in ms from a lone publisher's message to its acknowledgement, one in flight.

    Raises:
        LoadError: as above.
    """
    run = _publish(running, tag, publishers=1, window=1, count=round(LONE_MESSAGES * share))
    assert run.p50_ms is not None
    return run.p50_ms


def bare_commit(folder: Path, *, share: float = 1.0) -> float:
    """Return the p50 in ms of a transaction with one message, committed to a database in *folder*."""
    with TemporaryDirectory(dir=folder) as fresh:
        database = sqlite3.connect(Path(fresh) / "bare.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(
            "CREATE TABLE stored (room INTEGER, seq INTEGER, id TEXT, time TEXT, sender TEXT, content TEXT)"
        )
        taken = []
        for seq in range(round(LONE_MESSAGES * share)):
            row = (1, seq, "01KAF4Z5V8M9QK7T4W2X6Y0000", "2026-11-20T09:30:00.000Z", "alice", CONTENT)
            began = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO stored VALUES (?, ?, ?, ?, ?, ?)", row)
            database.execute("COMMIT")
            taken.append(time.perf_counter() - began)
        database.close()
    return median(taken) * 1000


def _publish(running: Running, tag: str, *, publishers: int, window: int, count: int) -> Run:
    """Each publisher is its room's only member and gets two frames per message: the push and the response."""
    join = json.dumps({"type": 5, "room": f"{tag}r%d"})
    publish = json.dumps({"type": 7, "room": f"{tag}r%d", "content": CONTENT})
    return run_load(
        running,
        *("--n", str(publishers), "--count", str(count), "--window", str(window)),
        *("--hello", register(tag), "--hello", join, "--send", publish, "--echo", "--fan", "2"),
    )
