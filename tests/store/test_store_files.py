"""The SQLite store whose files are removed, moved or replaced, or whose database is locked or full."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from store_harnesses import StoreHarness, open_store, time_of

from chateau.hub.errors import Unavailable
from chateau.hub.events import JoinRecord, Publication, RoomMessage, StoredRecord
from chateau.store import sqlite_schema, sqlite_writer
from chateau.store.sqlite_files import PROBE_BYTES, Moved

resource = pytest.importorskip("resource", reason="an open file cannot be removed on Windows")

KINDS = ["sqlite", "sqlite, inline"]


@pytest.fixture(params=KINDS)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreHarness]:
    with open_store(request.param, tmp_path / "store", history=100, channel_history=10) as harness:
        yield harness


def record_of(
    harness: StoreHarness, content: str, kind: str = "message", room: str = "attic"
) -> StoredRecord:
    seq = harness.store.next_seq(room)
    if kind == "message":
        return RoomMessage("alice", room, content, seq, f"id-{seq}", time_of(min(seq, 1000)))
    if kind == "join":
        return JoinRecord("alice", room, seq, time_of(min(seq, 1000)))
    return Publication(room, "text", content.encode(), seq, f"id-{seq}", time_of(min(seq, 1000)))


def is_stored(harness: StoreHarness, content: str, kind: str = "message") -> bool:
    """Append a record; return whether it was stored, and not refused, at once or by the commit."""
    try:
        commit = harness.store.append("attic", record_of(harness, content, kind))
    except Unavailable:
        return False
    harness.settle()
    assert commit is not None
    return commit.exception() is None


def contents(harness: StoreHarness) -> list[str]:
    page = harness.store.read("attic", since=None, start=None, end=None, limit=1000)
    return [record.content for record in page.messages if isinstance(record, RoomMessage)]


Change = Callable[[Path], object]


def replace_by_copy(folder: Path) -> None:
    shutil.copy(folder / "chateau.db", folder / "copy")
    (folder / "copy").replace(folder / "chateau.db")


CHANGES: dict[str, Change] = {
    "database removed": lambda folder: (folder / "chateau.db").unlink(),
    "database moved": lambda folder: (folder / "chateau.db").rename(folder / "moved"),
    "database replaced by a copy": replace_by_copy,
    "database replaced by an empty file": lambda folder: (
        (folder / "chateau.db").unlink(),
        (folder / "chateau.db").touch(),
    ),
    "database replaced by a folder": lambda folder: (
        (folder / "chateau.db").unlink(),
        (folder / "chateau.db").mkdir(),
    ),
    "log removed": lambda folder: (folder / "chateau.db-wal").unlink(),
    "log replaced": lambda folder: (
        (folder / "chateau.db-wal").unlink(),
        (folder / "chateau.db-wal").touch(),
    ),
    "folder moved": lambda folder: folder.rename(folder.with_name("moved")),
    "folder removed": shutil.rmtree,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("kind", ["message", "publication", "join"])
def test_changed_files_refuse_records_and_are_logged_once(
    harness: StoreHarness, change: Change, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_stored(harness, "before", kind)
    change(harness.folder)

    assert not any(is_stored(harness, f"after {number}", kind) for number in range(3))
    with pytest.raises(Unavailable):
        harness.store.erase("attic")

    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "chateau.db cannot be written, nothing is stored for now: " in line.getMessage()
    assert "while the server runs; put it back, or restart the server" in line.getMessage()
    assert not line.exc_info


def overwrite(folder: Path, content: bytes) -> None:
    with (folder / "chateau.db").open("r+b") as file:  # the file of this name stays the same, as with cp
        file.truncate(0)
        file.write(content)


def database_of_another_server(folder: Path) -> bytes:
    with open_store("sqlite, inline", folder.with_name("other")) as other:
        assert is_stored(other, "of another server")
    return (folder.with_name("other") / "chateau.db").read_bytes()


def newer_database_of_this_server(folder: Path) -> bytes:
    shutil.copytree(folder, folder.with_name("newer"))
    with open_store("sqlite, inline", folder.with_name("newer")) as newer:
        assert is_stored(newer, "newer")
    return (folder.with_name("newer") / "chateau.db").read_bytes()


CONTENTS: dict[str, Callable[[Path], bytes]] = {
    "emptied": lambda _: b"",
    "text": lambda _: b"not a database, but longer than a header" * 100,
    "zeros": lambda folder: bytes((folder / "chateau.db").stat().st_size),
    "another database": database_of_another_server,
    "newer copy": newer_database_of_this_server,
}


@pytest.mark.skipif(not hasattr(os, "pread"), reason="needs pread")
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("kind", ["message", "publication", "join"])
def test_overwritten_database_refuses_records_and_is_logged_once(
    harness: StoreHarness,
    content: Callable[[Path], bytes],
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert is_stored(harness, "before", kind)
    other = content(harness.folder)
    before = (harness.folder / "chateau.db").read_bytes()
    caplog.clear()

    overwrite(harness.folder, other)
    assert not any(is_stored(harness, f"after {number}", kind) for number in range(3))
    assert (harness.folder / "chateau.db").read_bytes() == other
    overwrite(harness.folder, before)

    assert is_stored(harness, "restored", kind)
    error, recovered = [record.getMessage() for record in caplog.records]
    assert "chateau.db was overwritten while the server runs; stop the server" in error
    assert recovered.endswith("can be written again")


@pytest.mark.skipif(not hasattr(os, "pread"), reason="needs pread")
def test_backup_of_this_run_that_is_copied_over_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_PAGES", 1)
    with open_store("sqlite, inline", tmp_path / "store") as harness:  # checkpoints are done on return
        assert is_stored(harness, "before")
        backup = (harness.folder / "chateau.db").read_bytes()
        assert all(is_stored(harness, f"{number}") for number in range(3))
        latest = (harness.folder / "chateau.db").read_bytes()

        overwrite(harness.folder, backup)
        assert not is_stored(harness, "refused")

        overwrite(harness.folder, latest)
        assert is_stored(harness, "restored")


def test_checkpoints_of_this_server_and_of_other_programs_are_not_taken_for_an_overwritten_database(
    harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_PAGES", 1)
    with closing(sqlite3.connect(harness.folder / "chateau.db", isolation_level=None)) as other:
        for number in range(10):
            assert is_stored(harness, f"{number}")
            if number == 3:
                other.execute("BEGIN")  # a reader, so that checkpoints are not complete
                other.execute("SELECT * FROM chunks").fetchall()
            if number == 6:
                other.execute("ROLLBACK")
                other.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
            if number == 8:
                other.execute("VACUUM")

    assert len(contents(harness)) == 10
    harness.reopen()
    assert len(contents(harness)) == 10


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    path.rename(path.with_name("moved away"))
    yield
    path.with_name("moved away").rename(path)


@pytest.mark.parametrize("name", ["chateau.db", "chateau.db-wal", "."])
def test_first_record_after_the_files_are_back_is_stored(
    harness: StoreHarness, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_stored(harness, "before")
    with moved_away((harness.folder / name).absolute() if name != "." else harness.folder):
        assert not is_stored(harness, "meanwhile")
        assert not is_stored(harness, "meanwhile")

    assert is_stored(harness, "back")
    assert is_stored(harness, "and more")

    assert contents(harness) == ["before", "back", "and more"]
    harness.reopen()
    assert contents(harness) == ["before", "back", "and more"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


def test_committed_records_survive_the_removal_of_the_write_ahead_log(harness: StoreHarness) -> None:
    for number in range(5):
        assert is_stored(harness, f"{number}")
    (harness.folder / "chateau.db-wal").unlink()
    assert not is_stored(harness, "refused")

    copy = harness.folder.with_name("copy.db")  # of the database alone, as after a kill -9
    shutil.copy(harness.folder / "chateau.db", copy)

    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT sum(count) FROM chunks").fetchone() == (5,)


def test_moved_database_is_complete_without_its_log(harness: StoreHarness) -> None:
    assert is_stored(harness, "before")
    (harness.folder / "chateau.db").rename(harness.folder / "moved.db")
    assert not is_stored(harness, "refused")

    with closing(sqlite3.connect(harness.folder / "moved.db")) as db:
        assert db.execute("SELECT sum(count) FROM chunks").fetchone() == (1,)


def test_removed_database_is_not_created_again(harness: StoreHarness) -> None:
    (harness.folder / "chateau.db").unlink()

    assert not any(is_stored(harness, "refused") for _ in range(3))

    assert not (harness.folder / "chateau.db").exists()


def test_history_of_a_removed_database_can_still_be_read(harness: StoreHarness) -> None:
    assert is_stored(harness, "before")
    (harness.folder / "chateau.db").unlink()
    assert not is_stored(harness, "refused")

    assert contents(harness) == ["before"]


def test_programs_that_read_or_back_up_the_database_change_nothing(harness: StoreHarness) -> None:
    assert is_stored(harness, "before")
    with closing(sqlite3.connect(harness.folder / "chateau.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with closing(sqlite3.connect(harness.folder.with_name("backup.db"))) as backup:
            db.backup(backup)

    assert is_stored(harness, "after")


# Locks


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_schema, "BUSY_SECONDS", 0.05)


@contextmanager
def locked(harness: StoreHarness, how: str) -> Iterator[None]:
    with closing(sqlite3.connect(harness.folder / "chateau.db", isolation_level=None)) as db:
        db.execute(f"BEGIN {how}")
        db.execute("UPDATE meta SET value = value")
        yield
        db.execute("ROLLBACK")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
@pytest.mark.parametrize("kind", ["message", "publication", "join"])
def test_first_record_after_a_lock_is_stored(
    tmp_path: Path, how: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store("sqlite", tmp_path / "store", channel_history=10) as harness:
        with locked(harness, how):
            assert not is_stored(harness, "locked", kind)
            for _ in range(5):
                with pytest.raises(Unavailable):
                    harness.store.append("attic", record_of(harness, "locked", kind))

        assert is_stored(harness, "free", kind)

        assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


@pytest.mark.usefixtures("impatient")
def test_error_does_not_wait_for_the_lock(tmp_path: Path) -> None:
    import time

    with open_store("sqlite", tmp_path / "store") as harness, locked(harness, "IMMEDIATE"):
        assert not is_stored(harness, "locked")
        started = time.process_time(), time.monotonic()
        for _ in range(100):
            assert not is_stored(harness, "locked")

        assert time.monotonic() - started[1] < 5


def test_trials_take_a_bounded_share_of_the_time(
    harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moved_away(harness.folder):
        assert not is_stored(harness, "breaks the store")
        trials = 0

        def trial(_size: int) -> bool:
            nonlocal trials
            trials += 1
            harness.now += 0.002
            return False

        monkeypatch.setattr(harness.sqlite._files, "can_write", trial)
        for _ in range(100_000):  # for 10 seconds, 10 messages per millisecond
            harness.now += 0.0001
            with pytest.raises(Unavailable):
                harness.store.append("attic", record_of(harness, "refused"))
        assert trials * 0.002 < 0.15 * harness.now
        monkeypatch.undo()
    harness.now += 0.1

    assert is_stored(harness, "back")


# Full disks


@contextmanager
def full_disk(harness: StoreHarness, free_bytes: int) -> Iterator[None]:
    """Limit the files of this process, of which the write-ahead log is the longest, to *free_bytes* more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (harness.folder / "chateau.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + free_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of the system")
@pytest.mark.parametrize("size", [10, 5_000, 60_000, 500_000])
def test_record_is_accepted_on_a_full_disk_only_if_it_fits(tmp_path: Path, size: int) -> None:
    with open_store("sqlite", tmp_path / "store") as harness:
        assert is_stored(harness, "before" * 40_000)
        with full_disk(harness, free_bytes=0):
            assert not is_stored(harness, "x" * size)
            assert not is_stored(harness, "x" * size)
        for free in (0, 4096, PROBE_BYTES):
            with full_disk(harness, free_bytes=free):
                accepted = harness.sqlite._files.can_write(size)
                assert not accepted or is_stored(harness, "x" * size)

        assert is_stored(harness, "x" * size)


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of the system")
def test_small_record_is_accepted_where_a_large_one_is_not(tmp_path: Path) -> None:
    with open_store("sqlite", tmp_path / "store") as harness:
        assert is_stored(harness, "before" * 40_000)
        with full_disk(harness, free_bytes=0):
            assert not is_stored(harness, "x")
        with full_disk(harness, free_bytes=PROBE_BYTES * 2):
            assert not is_stored(harness, "x" * 500_000)
            assert is_stored(harness, "small")


def test_closed_store_does_not_recover(harness: StoreHarness) -> None:
    harness.sqlite.close()

    with pytest.raises(Unavailable):
        harness.store.append("attic", record_of(harness, "late"))


def test_check_of_the_files_names_the_file(harness: StoreHarness) -> None:
    harness.sqlite._files.check()
    (harness.folder / "chateau.db-wal").unlink()

    with pytest.raises(Moved, match=r"chateau\.db-wal was removed"):
        harness.sqlite._files.check()
