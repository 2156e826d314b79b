"""The SQLite store beyond the contract: restarts, batches, failures and recovery."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_harnesses import StoreHarness, open_store, time_of

from chateau.hub.errors import Unavailable
from chateau.hub.events import JoinRecord, RoomMessage
from chateau.hub.ports import Commit, Page
from chateau.store import StoreError
from chateau.store.sqlite import FILE_NAME, SqliteStore
from chateau.store.sqlite_schema import MIGRATIONS, open_database
from chateau.store.sqlite_state import CRASH_GAP
from chateau.store.sqlite_state import Commit as StoreCommit


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[StoreHarness]:
    with open_store("sqlite", tmp_path / "store", history=10, channel_history=10) as harness:
        yield harness


def append(harness: StoreHarness, content: str, room: str = "Attic") -> tuple[RoomMessage, Commit]:
    seq = harness.store.next_seq(room.lower())
    message = RoomMessage("alice", room, content, seq, f"id-{seq}", time_of(min(seq, 1000)))
    commit = harness.store.append(room.lower(), message)
    assert commit is not None
    return message, commit


def read(harness: StoreHarness, *, since: int | None = None, room: str = "attic") -> Page:
    return harness.store.read(room, since=since, start=None, end=None, limit=100, joins=True)


def crash(harness: StoreHarness, folder: Path) -> None:
    """Continue with a copy of what is on disk now, as after a kill -9."""
    folder.mkdir()
    for file in harness.folder.iterdir():
        shutil.copy(file, folder)
    harness.sqlite.close()
    harness.folder = folder
    harness.store = harness.make_store()


def transactions(harness: StoreHarness) -> list[str]:
    seen: list[str] = []
    harness.sqlite._db.set_trace_callback(seen.append)
    return seen


# Restarts


def test_records_survive_a_restart(harness: StoreHarness) -> None:
    stored = [append(harness, content)[0] for content in "abc"]

    harness.reopen()

    assert read(harness) == Page(stored, complete=True)
    assert list(harness.store.rooms()) == [("attic", "Attic")]
    assert harness.store.next_seq("attic") == 4


def test_close_commits_pending_records_and_calls_back(harness: StoreHarness) -> None:
    called: list[Commit] = []
    stored, commit = append(harness, "hello")
    commit.add_done_callback(called.append)

    harness.sqlite.close()
    harness.sqlite.close()

    assert called == [commit]
    assert commit.exception() is None
    with pytest.raises(Unavailable):
        harness.store.append("attic", stored)
    with pytest.raises(Unavailable):
        harness.store.erase("attic")
    harness.store = harness.make_store()
    assert read(harness).messages == [stored]


def test_close_commits_records_behind_a_batch_in_flight(harness: StoreHarness) -> None:
    first = append(harness, "a")[0]
    harness.sqlite.flush()
    second = append(harness, "b")[0]

    harness.reopen()

    assert read(harness).messages == [first, second]


def test_lost_position_survives_a_restart(harness: StoreHarness) -> None:
    for number in range(40):
        append(harness, f"{number}")
        harness.settle()

    harness.reopen()

    assert len(read(harness).messages) == 10
    assert not read(harness, since=29).complete
    assert read(harness, since=30).complete
    assert harness.store.read("attic", since=None, start=None, end=time_of(0), limit=9).complete


def test_smaller_limit_takes_effect_at_the_next_start(harness: StoreHarness) -> None:
    stored = [append(harness, f"{number}")[0] for number in range(10)]
    harness.settle()
    harness.options["history"] = 3

    harness.reopen()

    assert read(harness) == Page(stored[-3:], complete=False)


def test_erasure_survives_a_restart(harness: StoreHarness) -> None:
    append(harness, "hello")
    harness.settle()
    harness.store.erase("attic")

    harness.reopen()

    assert read(harness) == Page([], complete=False)
    assert list(harness.store.rooms()) == []
    assert harness.store.next_seq("attic") == 2


def test_old_records_are_deleted_at_the_start(tmp_path: Path) -> None:
    with open_store("sqlite", tmp_path, max_age=5) as harness:
        append(harness, "hello")
        harness.now = 100.0
        harness.reopen()

        count = harness.sqlite._db.execute("SELECT count(*) FROM chunks").fetchone()

        assert count == (0,)
        assert read(harness) == Page([], complete=False)


def test_acknowledged_messages_survive_a_crash_and_seqs_skip_a_gap(
    harness: StoreHarness, tmp_path: Path
) -> None:
    stored = append(harness, "hello")[0]
    harness.settle()
    harness.store.next_seq("attic")  # clients may have seen it, but it is never committed

    crash(harness, tmp_path / "copy")

    assert read(harness).messages == [stored]
    assert harness.store.next_seq("attic") == 1 + CRASH_GAP + 1
    assert harness.store.next_seq("a room of which nothing was committed") == CRASH_GAP + 1


def test_seqs_skip_a_gap_after_every_crash(harness: StoreHarness, tmp_path: Path) -> None:
    append(harness, "hello")
    harness.settle()
    crash(harness, tmp_path / "first")
    seen = harness.store.next_seq("attic")

    crash(harness, tmp_path / "second")

    assert harness.store.next_seq("attic") > seen


def test_seqs_skip_no_gap_after_a_clean_shutdown(harness: StoreHarness, tmp_path: Path) -> None:
    append(harness, "hello")
    harness.settle()
    crash(harness, tmp_path / "copy")
    seen = harness.store.next_seq("attic")

    harness.reopen()

    assert harness.store.next_seq("attic") == seen + 1


# Opening


def test_folder_is_locked_against_another_store(harness: StoreHarness) -> None:
    with pytest.raises(StoreError, match=rf"{harness.folder} is in use .* \(process {os.getpid()}\)"):
        SqliteStore(harness.folder, loop=harness.loop)


def test_folder_is_locked_against_another_process(harness: StoreHarness) -> None:
    script = (
        "import sys, pathlib\n"
        "from chateau.store import StoreError\n"
        "from chateau.store.sqlite_schema import lock_folder\n"
        "try: lock_folder(pathlib.Path(sys.argv[1]))\nexcept StoreError as exc: print(exc)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(harness.folder)], capture_output=True, text=True, check=True
    )

    assert f"process {os.getpid()}" in done.stdout


def test_failed_open_releases_the_folder(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("no database " * 100)
    loop = asyncio.new_event_loop()
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{FILE_NAME} is not a database"):
            SqliteStore(tmp_path, loop=loop)
    loop.close()


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("PRAGMA user_version = 99", "version 99, of a newer server"),
        ("CREATE TABLE recipes (name TEXT)", "a database of another program"),
    ],
)
def test_foreign_database_is_rejected(tmp_path: Path, script: str, complaint: str) -> None:
    with_connection(tmp_path / FILE_NAME, lambda db: db.executescript(script))
    loop = asyncio.new_event_loop()

    with pytest.raises(StoreError, match=complaint) as caught:
        SqliteStore(tmp_path, loop=loop)

    assert str(tmp_path / FILE_NAME) in str(caught.value)
    loop.close()


def test_errors_name_the_folder_or_file(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        SqliteStore(tmp_path / "file", loop=loop)
    (tmp_path / "folder" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StoreError, match=FILE_NAME):
        SqliteStore(tmp_path / "folder", loop=loop)
    (tmp_path / "third" / "lock").mkdir(parents=True)
    with pytest.raises(StoreError, match="lock"):
        SqliteStore(tmp_path / "third", loop=loop)
    loop.close()


def with_connection(file: Path, use: Callable[[sqlite3.Connection], object]) -> object:
    db = sqlite3.connect(file)
    try:
        result = use(db)
        db.commit()
    finally:
        db.close()
    return result


def test_migration_keeps_all_records(harness: StoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = append(harness, "hello")[0]
    harness.sqlite.close()

    db = open_database(harness.folder / FILE_NAME, (*MIGRATIONS, "CREATE TABLE more (x)"))

    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    db.execute("SELECT * FROM more")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.close()
    harness.store = harness.make_store()
    assert read(harness).messages == [stored]


def test_failed_migration_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    open_database(file).close()

    with pytest.raises(StoreError, match="cannot be used"):
        open_database(file, (*MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE more (x)"))

    db = open_database(file)
    assert db.execute("SELECT name FROM sqlite_schema WHERE name = 'more'").fetchall() == []
    db.close()


def test_commits_are_synchronous(harness: StoreHarness) -> None:
    pragmas = ("journal_mode", "synchronous")

    assert [harness.sqlite._db.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas] == ["wal", 2]


# Batches


def test_appends_of_one_loop_iteration_share_a_commit_and_a_transaction(harness: StoreHarness) -> None:
    seen = transactions(harness)

    commits = {
        id(append(harness, f"{number}", room)[1]) for number in range(5) for room in ("Attic", "Cellar")
    }
    harness.settle()

    assert len(commits) == 1
    assert seen.count("COMMIT") == 1


def test_appends_during_a_write_form_the_next_batch(harness: StoreHarness) -> None:
    seen = transactions(harness)
    first = append(harness, "a")[1]
    harness.sqlite.flush()

    others = [append(harness, content)[1] for content in "bcd"]
    harness.settle()

    assert others[0] is others[1] is others[2] is not first
    assert seen.count("COMMIT") == 2


def test_idle_store_writes_nothing(harness: StoreHarness) -> None:
    seen = transactions(harness)
    harness.loop.run_until_complete(asyncio.sleep(0))
    harness.settle()

    assert seen == []


def test_callbacks_run_in_order_even_if_one_fails(
    harness: StoreHarness, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[object] = []
    commit = append(harness, "hello")[1]
    commit.add_done_callback(lambda done: called.append(("first", done)))
    commit.add_done_callback(lambda _: 1 / 0)
    commit.add_done_callback(lambda done: called.append(("last", done)))
    assert not commit.done()

    harness.settle()

    assert called == [("first", commit), ("last", commit)]
    assert commit.done()
    assert "ZeroDivisionError" in caplog.text


def test_late_callback_is_called_in_the_next_iteration() -> None:
    loop = asyncio.new_event_loop()
    commit = StoreCommit(loop)
    commit.finish(None)
    called: list[object] = []

    commit.add_done_callback(called.append)

    assert called == []
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert called == [commit]
    loop.close()


def test_callback_can_append(harness: StoreHarness) -> None:
    append(harness, "a")[1].add_done_callback(lambda _: append(harness, "b"))
    harness.settle()
    harness.settle()

    harness.reopen()

    assert [record.content for record in read(harness).messages] == ["a", "b"]  # type: ignore[union-attr]


def test_write_ahead_log_is_checkpointed(harness: StoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chateau.store.sqlite_writer.CHECKPOINT_PAGES", 1)
    seen = transactions(harness)

    append(harness, "hello")
    harness.settle()
    harness.reopen()

    assert "PRAGMA wal_checkpoint(PASSIVE)" in seen


# Failures


def fill_disk(harness: StoreHarness) -> None:
    """Prevent the database from growing, as on a full disk."""
    (pages,) = harness.sqlite._db.execute("PRAGMA page_count").fetchone()
    harness.sqlite._db.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    harness.sqlite._files.can_write = lambda size: False  # type: ignore[method-assign]


def free_space(harness: StoreHarness) -> None:
    harness.sqlite._db.execute("PRAGMA max_page_count = 1000000").fetchone()
    del harness.sqlite._files.can_write  # that of the class


LONG = "x" * 100_000


def test_failed_batch_fails_the_batch_behind_it(
    harness: StoreHarness, caplog: pytest.LogCaptureFixture
) -> None:
    stored = append(harness, "stored")[0]
    harness.settle()
    fill_disk(harness)

    lost = append(harness, LONG)[1]
    harness.sqlite.flush()
    behind = append(harness, "behind")[1]
    harness.settle()

    for commit in (lost, behind):
        assert isinstance(commit.exception(), Unavailable)
    assert read(harness) == Page([stored], complete=True)
    with pytest.raises(Unavailable):
        append(harness, "refused")
    with pytest.raises(Unavailable):
        harness.store.erase("attic")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "full" in caplog.text
    assert "Traceback" not in caplog.text


def test_first_record_after_a_full_disk_is_stored(
    harness: StoreHarness, caplog: pytest.LogCaptureFixture
) -> None:
    fill_disk(harness)
    append(harness, LONG)
    harness.settle()
    seen = transactions(harness)
    for _ in range(3):
        with pytest.raises(Unavailable):
            append(harness, "refused")
    harness.settle()
    assert seen == []  # nothing is written to find out
    free_space(harness)

    stored = append(harness, "hello")[0]
    harness.settle()

    assert read(harness).messages == [stored]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert harness.sqlite._db.execute("SELECT * FROM meta WHERE name = 'probe'").fetchall() == []


def test_store_that_cannot_write_has_a_reason_until_it_recovers(
    harness: StoreHarness, caplog: pytest.LogCaptureFixture
) -> None:
    assert harness.store.why_read_only() is None
    fill_disk(harness)
    append(harness, LONG)
    harness.settle()
    assert harness.store.why_read_only() == "Messages cannot be stored right now; try again later."

    free_space(harness)
    assert harness.store.why_read_only() is None, "asking is enough: nothing is appended"
    assert len(caplog.records) == 2
    stored = append(harness, "hello")[0]
    assert read(harness).messages == [stored]


def recover(harness: StoreHarness) -> None:
    free_space(harness)
    append(harness, "recovered", room="elsewhere")
    harness.settle()


def test_failed_rows_are_written_with_the_next_batch(
    harness: StoreHarness,
) -> None:
    fill_disk(harness)
    lost = append(harness, LONG)[0]
    harness.settle()
    recover(harness)
    stored = append(harness, "hello")[0]
    harness.settle()

    harness.reopen()

    assert stored.seq > lost.seq
    assert read(harness) == Page([stored], complete=True)
    assert ("attic", "Attic") in harness.store.rooms()


def test_room_with_only_failed_records_is_not_held(harness: StoreHarness) -> None:
    fill_disk(harness)
    append(harness, LONG)
    assert harness.store.holds("attic")

    harness.settle()

    assert not harness.store.holds("attic")
    assert list(harness.store.rooms()) == []


def test_failed_erasure_erases_nothing(harness: StoreHarness, caplog: pytest.LogCaptureFixture) -> None:
    stored = append(harness, "stored")[0]
    harness.settle()
    fill_disk(harness)

    commit = harness.store.erase("attic")
    append(harness, LONG)
    assert read(harness).messages != [stored]
    harness.settle()

    assert commit is not None
    assert isinstance(commit.exception(), Unavailable)
    assert read(harness) == Page([stored], complete=True)
    assert harness.store.holds("attic")


def test_unencodable_record_is_logged_with_a_traceback(
    harness: StoreHarness, caplog: pytest.LogCaptureFixture
) -> None:
    commit = append(harness, "\ud800")[1]

    harness.settle()

    assert isinstance(commit.exception(), Unavailable)
    assert "Traceback" in caplog.text


def test_unreadable_store_logs_once_and_recovers(
    harness: StoreHarness, caplog: pytest.LogCaptureFixture
) -> None:
    stored = append(harness, "hello")[0]
    harness.settle()
    with_connection(harness.folder / FILE_NAME, lambda db: db.execute("UPDATE chunks SET records = 'no'"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            read(harness)
    assert len(caplog.records) == 1
    with_connection(
        harness.folder / FILE_NAME,
        lambda db: db.execute(
            'UPDATE chunks SET records = \'[["alice","Attic","hello",1,"id-1","2026-11-20T00:00:01.000Z"]]\''
        ),
    )

    assert read(harness).messages == [stored]


def test_full_store_can_be_closed(harness: StoreHarness, caplog: pytest.LogCaptureFixture) -> None:
    fill_disk(harness)
    commit = append(harness, LONG)[1]

    harness.sqlite.close()

    assert isinstance(commit.exception(), Unavailable)


LIMITED_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from chateau.hub.errors import Unavailable
from chateau.hub.events import RoomMessage
from chateau.store.sqlite import SqliteStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

async def main():
    store = SqliteStore(Path(sys.argv[1]), loop=asyncio.get_running_loop())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    stored = 0
    try:
        for _ in range(1000):
            seq = store.next_seq("attic")
            message = RoomMessage("alice", "Attic", "x" * 5000, seq, f"{seq}", "2026-11-20T00:00:00.000Z")
            commit = store.append("attic", message)
            await store.settle()
            stored += commit.exception() is None
    except Unavailable:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    seq = store.next_seq("attic")
    commit = store.append("attic", RoomMessage("a", "Attic", "after", seq, "id", "2026-11-20T00:00:00.000Z"))
    await store.settle()
    page = store.read("attic", since=None, start=None, end=None, limit=2000)
    print(stored > 0, len(page.messages) == stored + 1, commit.exception(), page.messages[-1].content)
    store.close()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_store_recovers_from_a_real_full_disk(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED_DISK, str(tmp_path)], capture_output=True, text=True, timeout=60
    )

    assert done.stdout.strip() == "True True None after", done.stderr


def test_joins_and_seqs_survive_a_restart(harness: StoreHarness) -> None:
    join = JoinRecord("alice", "Attic", harness.store.next_seq("attic"), time_of(1))
    harness.store.append("attic", join)

    harness.reopen()

    assert read(harness).messages == [join]
    assert not harness.store.holds("attic")
    assert harness.store.next_seq("attic") == 2


def test_schema_version_is_the_number_of_migrations(harness: StoreHarness) -> None:
    assert harness.sqlite._db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_failed_room_row_is_written_before_a_crash(harness: StoreHarness, tmp_path: Path) -> None:
    """A clean shutdown would write all rooms anyway."""
    fill_disk(harness)
    append(harness, LONG)
    harness.settle()
    recover(harness)
    stored = append(harness, "hello")[0]
    harness.settle()

    crash(harness, tmp_path / "copy")

    assert read(harness) == Page([stored], complete=True)


def chunks_of(harness: StoreHarness) -> int:
    (count,) = harness.sqlite._db.execute("SELECT count(*) FROM chunks").fetchone()
    return int(count)


def test_records_erased_in_the_same_iteration_are_never_written(
    harness: StoreHarness,
) -> None:
    append(harness, "hello")
    harness.store.erase("attic")
    harness.settle()

    assert chunks_of(harness) == 0


def test_records_over_the_limit_are_deleted_while_open(harness: StoreHarness) -> None:
    for number in range(200):
        append(harness, f"{number}")
        harness.settle()

    assert chunks_of(harness) <= 10 + 2 * 16


def test_limit_is_exact_after_an_erasure_and_a_failure(harness: StoreHarness) -> None:
    for _ in range(5):
        append(harness, "erased at once")
    harness.store.erase("attic")
    harness.settle()
    fill_disk(harness)
    append(harness, LONG)
    harness.settle()
    recover(harness)

    stored = [append(harness, f"{number}")[0] for number in range(12)]
    harness.settle()

    assert read(harness).messages == stored[-10:]


def test_inline_writer_commits_in_flush_without_a_thread(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    threads = threading.active_count()
    store = SqliteStore(tmp_path, loop=loop, writer="inline")
    message = RoomMessage("alice", "Attic", "hello", store.next_seq("attic"), "id-1", time_of(1))

    commit = store.append("attic", message)
    before = commit.done()
    store.flush()

    assert (before, commit.done(), commit.exception()) == (False, True, None)
    assert threading.active_count() == threads
    store.close()
    loop.close()
