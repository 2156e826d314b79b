"""The store of a server that is killed, stopped, started twice or with a wrong file, or out of disk space."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from campaign import check, check_end, end, history, publish_all, started
from ledger import Ledger
from publishers import (
    Address,
    ChateauConnection,
    Frame,
    HttpConnection,
    LinesConnection,
    Publisher,
    eight_publishers,
    is_push,
)
from running_server import COMMAND, ROOT, STOP_SECONDS, RunningServer, rejected_start

SEED = 7
BIG_GAP = 1_000_000
HEALING_SECONDS = 5


@asynccontextmanager
async def member(address: Address, name: str, room: str = "hall") -> AsyncIterator[ChateauConnection]:
    async with ChateauConnection.open(address) as connection:
        assert (await connection.ask({"type": 1, "username": name}))["status"] == 200
        assert (await connection.ask({"type": 5, "room": room}))["status"] == 200
        yield connection


async def publish(connection: ChateauConnection, *contents: str, room: str = "hall") -> list[int]:
    """Publish *contents* and return their seqs."""
    answers = [await connection.ask({"type": 7, "room": room, "content": content}) for content in contents]
    assert [response["status"] for response in answers] == [200] * len(contents), answers
    return [response["seq"] for response in answers]


async def contents(address: Address, room: str = "hall") -> list[str]:
    async with member(address, "reader", room) as reader:
        return [record["content"] for record in await history(reader, room, since=0)]


def publish_as_alice(*contents: str) -> Callable[[Address], list[int]]:
    async def scene(address: Address) -> list[int]:
        async with member(address, "alice") as alice:
            return await publish(alice, *contents)

    return lambda address: asyncio.run(scene(address))


# Ends


def test_kill_while_idle_loses_no_message_and_repeats_no_seq(tmp_path: Path) -> None:
    with started(tmp_path) as (server, address):
        before = publish_as_alice("one", "two", "three")(address)
        time.sleep(0.3)
        check_end(server, signal.SIGKILL)

    with started(tmp_path) as (server, address):
        assert asyncio.run(contents(address)) == ["one", "two", "three"]
        check_end(server, signal.SIGKILL)
    with started(tmp_path) as (_, address):
        after = publish_as_alice("four")(address)
        stored = asyncio.run(contents(address))

    assert stored == ["one", "two", "three", "four"]
    assert after[0] > before[-1]


def test_kill_while_starting_loses_no_message(tmp_path: Path) -> None:
    with started(tmp_path) as (server, address):
        before = publish_as_alice("one", "two")(address)
        check_end(server, signal.SIGKILL)

    for after_seconds in (0.2, 0.5, 0.8):
        kill_while_it_starts(tmp_path, after_seconds)
    with started(tmp_path) as (_, address):
        after = publish_as_alice("three")(address)
        stored = asyncio.run(contents(address))

    assert stored == ["one", "two", "three"]
    assert after[0] > before[-1]


def kill_while_it_starts(folder: Path, after_seconds: float) -> None:
    command = [*COMMAND, "--port", "0", "--lines-port", "0", "--data", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        time.sleep(after_seconds)
        process.kill()
        _, log = process.communicate()
    assert process.returncode == -signal.SIGKILL, log


def test_received_seq_is_not_repeated_if_its_room_was_not_on_disk(
    tmp_path: Path,
) -> None:
    """The server is killed when the first message of a new room is received: mostly before the commit."""
    numbers = []
    for attempt in range(3):
        with started(tmp_path) as (server, address):
            numbers.append(asyncio.run(last_received_number(server, address, f"attempt {attempt}")))
            check_end(server, signal.SIGKILL)

    assert numbers == sorted(set(numbers))


async def last_received_number(server: RunningServer, address: Address, content: str) -> int:
    async with ChateauConnection.open(address) as alice:
        await alice.ask({"type": 1, "username": "alice"})
        await alice.send({"type": 5, "room": "new"}, {"type": 7, "room": "new", "content": content})
        while frames := await alice.receive():
            for frame in frames:
                if "sender" in frame:
                    server.process.kill()
                    return int(frame["seq"])
    raise AssertionError("nothing was received")


def test_seq_is_not_repeated_after_more_packages_than_the_gap(tmp_path: Path) -> None:
    """Packages that are not stored have a seq, too, if a member receives them; it is not written to disk."""
    script = f"""
import asyncio, os, signal, sys
from pathlib import Path
from chateau.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), loop=asyncio.get_running_loop())
    print(store.next_seq("hall"))
    for _ in range({BIG_GAP} + 10):
        last = store.next_seq("hall")
    await store.settle()
    print(last, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    runs = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False) for _ in range(2)]
    (_, last), (first, _) = [map(int, run.stdout.split()) for run in runs]

    assert first > last


def test_shutdown_stores_all_received_messages_and_continues_seq(tmp_path: Path) -> None:
    ledger = Ledger()
    publishers, rooms = eight_publishers(ledger, SEED), ("hall", "attic")
    with started(tmp_path) as (server, address):
        stop = end(server, signal.SIGTERM, after_seconds=0.5)
        asyncio.run(publish_all(address, publishers, rooms, ledger, stop))
        server.process.wait(STOP_SECONDS)
        check_end(server, signal.SIGTERM)

    with started(tmp_path) as (_, address):
        asyncio.run(check(address, ledger, whole=True))
        last = ledger.last_number("hall")
        (number,) = publish_as_alice("after the restart")(address)

    assert ledger.verified == ledger.acknowledged > 0
    assert [ledger.received_but_not_stored(room) for room in ledger.rooms] == [[]] * len(ledger.rooms)
    assert last < number < last + 10  # joins have numbers, too


# Starts


def test_second_server_in_one_folder_exits_and_the_first_continues(tmp_path: Path) -> None:
    with started(tmp_path) as (server, address):
        publish_as_alice("one")(address)
        complaint = rejected_start("--data", str(tmp_path))
        publish_as_alice("two")(address)
        stored = asyncio.run(contents(address))
        pid = server.process.pid

    holder = f"{tmp_path} is in use by another server (process {pid})."
    assert complaint == f"chateau: --data {tmp_path}: {holder}\n"
    assert stored == ["one", "two"]


def test_file_that_is_not_a_database_is_rejected_and_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "chateau.db"
    file.write_bytes(b"Dear diary,\n" * 1000)

    complaint = rejected_start("--data", str(tmp_path))

    assert complaint == f"chateau: --data {tmp_path}: {file} is not a database.\n"
    assert file.read_bytes() == b"Dear diary,\n" * 1000


def test_database_of_another_program_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "chateau.db"
    execute(file, "CREATE TABLE diary (day, page)")

    complaint = rejected_start("--data", str(tmp_path))

    assert complaint == f"chateau: --data {tmp_path}: {file} is a database of another program.\n"


def test_database_of_a_newer_server_is_rejected_and_unchanged(tmp_path: Path) -> None:
    with started(tmp_path) as (_, address):
        publish_as_alice("one")(address)
    file = tmp_path / "chateau.db"
    (version,) = execute(file, "PRAGMA user_version")
    execute(file, "PRAGMA user_version = 99")

    complaint = rejected_start("--data", str(tmp_path))
    execute(file, f"PRAGMA user_version = {version[0]}")
    with started(tmp_path) as (_, address):
        stored = asyncio.run(contents(address))

    known = f"expected at most {version[0]}"
    assert complaint == f"chateau: --data {tmp_path}: {file} has version 99, of a newer server; {known}.\n"
    assert stored == ["one"]


def test_data_that_is_a_file_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "chateau"
    file.touch()

    complaint = rejected_start("--data", str(file))

    assert complaint == f"chateau: --data {file}: {file} cannot be created: File exists.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell and its limits")
@pytest.mark.parametrize("was_there", [False, True])
def test_full_disk_at_the_start_is_a_one_line_error(tmp_path: Path, was_there: bool) -> None:
    if was_there:
        with started(tmp_path) as (server, address):
            publish_as_alice("one")(address)
            check_end(server, signal.SIGKILL)

    limited = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *COMMAND)
    complaint = rejected_start("--data", str(tmp_path), command=limited)
    with started(tmp_path) as (_, address):
        stored = asyncio.run(contents(address))

    assert complaint.startswith(f"chateau: --data {tmp_path}: ")
    assert stored == (["one"] if was_there else [])


def execute(file: Path, statement: str) -> list[tuple[int]]:
    db = sqlite3.connect(file)
    try:
        return db.execute(statement).fetchall()
    finally:
        db.close()


# A disk that is full

resource = pytest.importorskip("resource", reason="the limits of a process are POSIX")
needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="Linux alone sets another process's limits"
)


@contextmanager
def full_disk(server: RunningServer, *, free_bytes: int) -> Iterator[None]:
    """Limit the files of *server* to *free_bytes*."""
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (free_bytes, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def log_bytes(folder: Path) -> int:
    return (folder / "chateau.db-wal").stat().st_size


class Participants:
    """Alice and Bob of the chateau protocol, Carol of lines, and a publisher of packages, all in ``hall``."""

    def __init__(
        self,
        alice: ChateauConnection,
        bob: ChateauConnection,
        carol: LinesConnection,
        publisher: HttpConnection,
    ) -> None:
        self.alice = alice
        self.bob = bob
        self.carol = carol
        self.publisher = publisher

    @classmethod
    @asynccontextmanager
    async def into(cls, address: Address) -> AsyncIterator[Participants]:
        async with (
            member(address, "alice") as alice,
            member(address, "bob") as bob,
            LinesConnection.open(address) as carol,
            HttpConnection.open(address) as publisher,
        ):
            await carol.send("LOGIN carol", "JOIN hall")
            await carol.receive_until("userJoined")
            yield cls(alice, bob, carol, publisher)

    async def by_chateau(self, content: str) -> Frame:
        return await self.alice.ask({"type": 7, "room": "hall", "content": content})

    async def by_lines(self, content: str) -> Frame:
        await self.carol.send(content)
        while frames := await self.carol.receive():
            for frame in frames:
                if frame["type"] in ("commandResult", "error"):
                    return frame
        raise AssertionError("the connection ended")

    async def by_channels(self, content: str) -> int | None:
        await self.publisher.post(("/channel/hall/", content.encode()))
        return await self.publisher.status()


@needs_prlimit
@pytest.mark.parametrize("free_bytes", [0, 6_000, 70_000])
def test_full_disk_rejects_only_messages_that_must_be_stored(tmp_path: Path, free_bytes: int) -> None:
    acknowledged: list[str] = []

    async def scene(server: RunningServer, address: Address) -> None:
        async with Participants.into(address) as participants:
            acknowledged.extend(f"before {number}" for number in range(5))
            await publish(participants.alice, *acknowledged)
            limit = log_bytes(tmp_path) + free_bytes if free_bytes else 0
            with full_disk(server, free_bytes=limit):
                await fill(participants)
                await check_rejected(participants)
                await check_unaffected(address, participants)
                await check_rejected(participants)
            assert (await participants.by_chateau("is it over?"))["status"] == 200
            acknowledged.append("is it over?")
            assert (await participants.by_chateau("chateau again"))["status"] == 200
            assert await participants.by_lines("lines again") == {"type": "commandResult", "result": "OK"}
            assert await participants.by_channels("channels again") == 201
            acknowledged.extend(["chateau again", "lines again", "channels again"])

    async def fill(participants: Participants) -> None:
        for number in range(500):
            response = await participants.by_chateau(f"filling {number}")
            if response["status"] != 200:
                assert response["code"] == "unavailable"
                return
            acknowledged.append(f"filling {number}")
        raise AssertionError("the disk is never full")

    async def check_rejected(participants: Participants) -> None:
        response = await participants.by_chateau("refused")
        assert response == {"type": 7, "status": 400, "code": "unavailable", "error": response["error"]}
        response = await participants.by_lines("refused")
        assert response == {"type": "error", "error": response["error"]}
        assert await participants.by_channels("refused") == 503

    async def check_unaffected(address: Address, participants: Participants) -> None:
        sent = await participants.alice.ask({"type": 3, "clients": ["bob"], "content": "can you hear me?"})
        assert sent["status"] == 200
        async with asyncio.timeout(HEALING_SECONDS):
            received: list[Frame] = []
            while not any(frame["type"] == 3 and is_push(frame) for frame in received):
                received = await participants.bob.receive()
                assert received
        assert await contents(address) == acknowledged

    with started(tmp_path) as (server, address):
        asyncio.run(scene(server, address))
        while_it_ran = asyncio.run(contents(address))
        server.stop(signal.SIGKILL)
    with started(tmp_path) as (_, address):
        afterwards = asyncio.run(contents(address))

    assert while_it_ran == afterwards == acknowledged
    assert "Traceback" not in server.log
    assert server.log.count("cannot be written") == 1
    assert server.log.count("can be written again") == 1


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until *is_so* returns true, at most `HEALING_SECONDS`."""
    deadline = time.monotonic() + HEALING_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)


@needs_prlimit
def test_no_acknowledged_message_is_lost_when_the_disk_is_full_repeatedly(tmp_path: Path) -> None:
    ledger = Ledger(may_be_full=True)
    publishers: list[Publisher] = eight_publishers(ledger, SEED)
    rooms = ("hall", "attic")
    random = Random(SEED)
    acknowledged = []

    def full_and_free(server: RunningServer) -> None:
        for more_bytes in (0, 100_000):
            time.sleep(random.uniform(0.1, 0.3))
            with full_disk(server, free_bytes=log_bytes(tmp_path) + more_bytes if more_bytes else 0):
                time.sleep(random.uniform(0.1, 0.3))
            acknowledged.append(ledger.acknowledged)
            wait_until(lambda: ledger.acknowledged > acknowledged[-1])
        acknowledged.append(ledger.acknowledged)
        server.process.kill()

    with started(tmp_path) as (server, address):
        asyncio.run(publish_all(address, publishers, rooms, ledger, lambda: full_and_free(server)))
        server.stop(signal.SIGKILL)
    with started(tmp_path) as (_, address):
        asyncio.run(check(address, ledger, whole=True))

    assert ledger.refused > 0
    assert ledger.verified == ledger.acknowledged
    assert acknowledged == sorted(set(acknowledged)), "it is published again after each time"
    assert "Traceback" not in server.log


# Files that are moved, and locks


def test_moved_database_refuses_messages_of_all_protocols_until_it_is_back(tmp_path: Path) -> None:
    data, away = tmp_path / "data", tmp_path / "away"

    async def scene(address: Address) -> None:
        async with Participants.into(address) as participants:
            await publish(participants.alice, "before")
            data.rename(away)
            for _ in range(2):
                response = await participants.by_chateau("refused")
                assert (response["status"], response["code"]) == (400, "unavailable")
                assert (await participants.by_lines("refused"))["type"] == "error"
                assert await participants.by_channels("refused") == 503
            away.rename(data)
            assert await participants.by_lines("lines again") == {"type": "commandResult", "result": "OK"}
            assert (await participants.by_chateau("chateau again"))["status"] == 200

    with started(data) as (server, address):
        asyncio.run(scene(address))
        server.stop(signal.SIGKILL)
    with started(data) as (_, address):
        assert asyncio.run(contents(address)) == ["before", "lines again", "chateau again"]

    assert server.log.count("cannot be written") == 1
    assert server.log.count("can be written again") == 1


@pytest.mark.parametrize("first", ["chateau", "lines", "channels"])
def test_first_message_after_a_lock_is_stored(tmp_path: Path, first: str) -> None:
    async def scene(address: Address) -> None:
        async with Participants.into(address) as participants:
            await publish(participants.alice, "before")
            db = sqlite3.connect(tmp_path / "chateau.db", isolation_level=None)
            try:
                db.execute("BEGIN IMMEDIATE")
                response = await participants.by_chateau("locked")
                assert response["code"] == "unavailable"
            finally:
                db.close()
            if first == "chateau":
                assert (await participants.by_chateau("free"))["status"] == 200
            elif first == "lines":
                assert await participants.by_lines("free") == {"type": "commandResult", "result": "OK"}
            else:
                assert await participants.by_channels("free") == 201

    with started(tmp_path) as (_, address):
        asyncio.run(scene(address))
        stored = asyncio.run(contents(address))

    assert stored == ["before", "free"]
