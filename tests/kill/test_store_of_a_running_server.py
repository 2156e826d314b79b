"""The store of a server that is killed, stopped, started twice, given a wrong file, or out of disk space."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from campaign import check, end, ended_well, history, speak, started
from ledger import Ledger
from publishers import (
    ChateauConnection,
    Frame,
    House,
    HttpConnection,
    LinesConnection,
    Publisher,
    eight_publishers,
    is_push,
)
from running_server import ROOT, STOP_SECONDS, RunningServer

SEED = 7
BIG_GAP = 1_000_000
HEALING_SECONDS = 5
COMMAND = (sys.executable, "server.py", "--port", "0", "--lines-port", "0")


@asynccontextmanager
async def member(house: House, name: str, room: str = "hall") -> AsyncIterator[ChateauConnection]:
    async with ChateauConnection.open(house) as connection:
        assert (await connection.ask({"type": 1, "username": name}))["status"] == 200
        assert (await connection.ask({"type": 5, "room": room}))["status"] == 200
        yield connection


async def publish(connection: ChateauConnection, *contents: str, room: str = "hall") -> list[int]:
    """Have *contents* acknowledged; returns their numbers."""
    answers = [await connection.ask({"type": 7, "room": room, "content": content}) for content in contents]
    assert [answer["status"] for answer in answers] == [200] * len(contents), answers
    return [answer["seq"] for answer in answers]


async def contents(house: House, room: str = "hall") -> list[str]:
    async with member(house, "reader", room) as reader:
        return [record["content"] for record in await history(reader, room, since=0)]


def alice_says(*contents: str) -> Callable[[House], list[int]]:
    async def scene(house: House) -> list[int]:
        async with member(house, "alice") as alice:
            return await publish(alice, *contents)

    return lambda house: asyncio.run(scene(house))


# Ends


def test_a_server_that_is_killed_while_idle_has_kept_all_and_uses_no_number_again(tmp_path: Path) -> None:
    with started(tmp_path) as (server, house):
        before = alice_says("one", "two", "three")(house)
        time.sleep(0.3)
        ended_well(server, signal.SIGKILL)

    for _ in range(2):
        with started(tmp_path) as (server, house):
            assert asyncio.run(contents(house)) == ["one", "two", "three"]
            ended_well(server, signal.SIGKILL)
    with started(tmp_path) as (_, house):
        after = alice_says("four")(house)
        kept = asyncio.run(contents(house))

    assert kept == ["one", "two", "three", "four"]
    assert after[0] > before[-1]


def test_a_server_that_is_killed_while_it_starts_has_kept_all(tmp_path: Path) -> None:
    random = Random(SEED)
    with started(tmp_path) as (server, house):
        before = alice_says("one", "two")(house)
        ended_well(server, signal.SIGKILL)

    for _ in range(6):
        kill_while_it_starts(tmp_path, random.uniform(0.1, 1.0))
    with started(tmp_path) as (_, house):
        after = alice_says("three")(house)
        kept = asyncio.run(contents(house))

    assert kept == ["one", "two", "three"]
    assert after[0] > before[-1]


def kill_while_it_starts(folder: Path, after_seconds: float) -> None:
    command = [*COMMAND, "--data", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        time.sleep(after_seconds)
        process.kill()
        _, log = process.communicate()
    assert process.returncode == -signal.SIGKILL, log


def test_a_number_that_was_heard_is_not_used_again_though_nothing_of_its_room_was_on_disk(
    tmp_path: Path,
) -> None:
    """The server is killed when the first message of a new room is heard: mostly before the commit."""
    numbers = []
    for attempt in range(5):
        with started(tmp_path) as (server, house):
            numbers.append(asyncio.run(number_heard_at_the_end(server, house, f"attempt {attempt}")))
            ended_well(server, signal.SIGKILL)

    assert numbers == sorted(set(numbers))


async def number_heard_at_the_end(server: RunningServer, house: House, content: str) -> int:
    async with ChateauConnection.open(house) as alice:
        await alice.ask({"type": 1, "username": "alice"})
        await alice.say({"type": 5, "room": "new"}, {"type": 7, "room": "new", "content": content})
        while frames := await alice.hear():
            for frame in frames:
                if "sender" in frame:
                    server.process.kill()
                    return int(frame["seq"])
    raise AssertionError("nothing was heard")


def test_a_number_is_not_used_again_after_more_packages_than_the_gap_is_wide(tmp_path: Path) -> None:
    """Packages that are not kept are numbered, too, where a member hears them; nothing of it is written."""
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


def test_a_server_that_is_stopped_keeps_all_that_was_heard_and_goes_on_counting(tmp_path: Path) -> None:
    ledger = Ledger()
    publishers, rooms = eight_publishers(ledger, SEED), ("hall", "attic")
    with started(tmp_path) as (server, house):
        stop = end(server, signal.SIGTERM, after_seconds=0.5)
        asyncio.run(speak(house, publishers, rooms, ledger, stop))
        server.process.wait(STOP_SECONDS)
        ended_well(server, signal.SIGTERM)

    with started(tmp_path) as (_, house):
        asyncio.run(check(house, ledger, whole=True))
        last = ledger.last_number("hall")
        (number,) = alice_says("goes on")(house)

    assert ledger.verified == ledger.acknowledged > 0
    assert [ledger.heard_in_vain(room) for room in ledger.rooms] == [[]] * len(ledger.rooms)
    assert last < number < last + 10  # whoever has come in has a number, too


# Starts


def test_a_second_server_in_one_folder_refuses_and_the_first_goes_on(tmp_path: Path) -> None:
    with started(tmp_path) as (server, house):
        alice_says("one")(house)
        complaint = refused_start("--data", str(tmp_path))
        alice_says("two")(house)
        kept = asyncio.run(contents(house))
        pid = server.process.pid

    holder = f"{tmp_path} is in use by another server (process {pid})."
    assert complaint == f"chateau: --data {tmp_path}: {holder}\n"
    assert kept == ["one", "two"]


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "chateau.db"
    file.write_bytes(b"Dear diary,\n" * 1000)

    complaint = refused_start("--data", str(tmp_path))

    assert complaint == f"chateau: --data {tmp_path}: {file} is not a database.\n"
    assert file.read_bytes() == b"Dear diary,\n" * 1000


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "chateau.db"
    execute(file, "CREATE TABLE diary (day, page)")

    complaint = refused_start("--data", str(tmp_path))

    assert complaint == f"chateau: --data {tmp_path}: {file} is a database of another program.\n"


def test_a_database_of_a_newer_server_is_refused_and_good_for_that_one_afterwards(tmp_path: Path) -> None:
    with started(tmp_path) as (_, house):
        alice_says("one")(house)
    file = tmp_path / "chateau.db"
    (version,) = execute(file, "PRAGMA user_version")
    execute(file, "PRAGMA user_version = 99")

    complaint = refused_start("--data", str(tmp_path))
    execute(file, f"PRAGMA user_version = {version[0]}")
    with started(tmp_path) as (_, house):
        kept = asyncio.run(contents(house))

    known = f"expected at most {version[0]}"
    assert complaint == f"chateau: --data {tmp_path}: {file} has version 99, of a newer server; {known}.\n"
    assert kept == ["one"]


def test_data_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "chateau"
    file.touch()

    complaint = refused_start("--data", str(file))

    assert complaint == f"chateau: --data {file}: {file} cannot be created: File exists.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell and its limits")
@pytest.mark.parametrize("was_there", [False, True])
def test_a_disk_that_is_full_at_the_start_is_one_line(tmp_path: Path, was_there: bool) -> None:
    if was_there:
        with started(tmp_path) as (server, house):
            alice_says("one")(house)
            ended_well(server, signal.SIGKILL)

    complaint = refused_start("--data", str(tmp_path), command=("sh", "-c", 'ulimit -f 0; exec "$@"', "sh"))
    with started(tmp_path) as (_, house):
        kept = asyncio.run(contents(house))

    assert complaint.startswith(f"chateau: --data {tmp_path}: ")
    assert kept == (["one"] if was_there else [])


def refused_start(*flags: str, command: Sequence[str] = ()) -> str:
    """What a server says, in one line, that refuses to start."""
    ended = subprocess.run(
        [*command, *COMMAND, *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STOP_SECONDS,
        check=False,
    )
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


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
    """No file of *server* grows beyond its write-ahead log as it is now, and *free_bytes*."""
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


class Guests:
    """Alice and Bob speak chateau, Carol lines; and there is a publisher of packages. All in ``hall``."""

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
    async def into(cls, house: House) -> AsyncIterator[Guests]:
        async with (
            member(house, "alice") as alice,
            member(house, "bob") as bob,
            LinesConnection.open(house) as carol,
            HttpConnection.open(house) as publisher,
        ):
            await carol.say("LOGIN carol", "JOIN hall")
            await carol.hear_until("userJoined")
            yield cls(alice, bob, carol, publisher)

    async def by_chateau(self, content: str) -> Frame:
        return await self.alice.ask({"type": 7, "room": "hall", "content": content})

    async def by_lines(self, content: str) -> Frame:
        await self.carol.say(content)
        while frames := await self.carol.hear():
            for frame in frames:
                if frame["type"] in ("commandResult", "error"):
                    return frame
        raise AssertionError("the connection ended")

    async def by_channels(self, content: str) -> int | None:
        await self.publisher.post(("/channel/hall/", content.encode()))
        return await self.publisher.status()

    async def healed(self) -> None:
        """Return when something can be published again."""
        for _ in range(HEALING_SECONDS * 10):
            answer = await self.by_chateau("is it over?")
            if answer["status"] == 200:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"it is not over: {answer}")


@needs_prlimit
@pytest.mark.parametrize("free_bytes", [0, 6_000, 70_000])
def test_a_full_disk_stops_what_must_be_kept_and_nothing_else(tmp_path: Path, free_bytes: int) -> None:
    acknowledged: list[str] = []

    async def scene(server: RunningServer, house: House) -> None:
        async with Guests.into(house) as guests:
            acknowledged.extend(f"before {number}" for number in range(5))
            await publish(guests.alice, *acknowledged)
            limit = log_bytes(tmp_path) + free_bytes if free_bytes else 0
            with full_disk(server, free_bytes=limit):
                await fill(guests)
                await refused(guests)
                await goes_on(house, guests)
                await asyncio.sleep(1.2)  # now it tries
                await refused(guests)
            await guests.healed()
            acknowledged.append("is it over?")
            assert (await guests.by_chateau("chateau again"))["status"] == 200
            assert await guests.by_lines("lines again") == {"type": "commandResult", "result": "OK"}
            assert await guests.by_channels("channels again") == 201
            acknowledged.extend(["chateau again", "lines again", "channels again"])

    async def fill(guests: Guests) -> None:
        for number in range(500):
            answer = await guests.by_chateau(f"filling {number}")
            if answer["status"] != 200:
                assert answer["code"] == "unavailable"
                return
            acknowledged.append(f"filling {number}")
        raise AssertionError("the disk is never full")

    async def refused(guests: Guests) -> None:
        answer = await guests.by_chateau("refused")
        assert answer == {"type": 7, "status": 400, "code": "unavailable", "error": answer["error"]}
        answer = await guests.by_lines("refused")
        assert answer == {"type": "error", "error": answer["error"]}
        assert await guests.by_channels("refused") == 503

    async def goes_on(house: House, guests: Guests) -> None:
        sent = await guests.alice.ask({"type": 3, "clients": ["bob"], "content": "can you hear me?"})
        assert sent["status"] == 200
        async with asyncio.timeout(HEALING_SECONDS):
            heard: list[Frame] = []
            while not any(frame["type"] == 3 and is_push(frame) for frame in heard):
                heard = await guests.bob.hear()
                assert heard
        assert await contents(house) == acknowledged

    with started(tmp_path) as (server, house):
        asyncio.run(scene(server, house))
        while_it_ran = asyncio.run(contents(house))
        server.stop(signal.SIGKILL)
    with started(tmp_path) as (_, house):
        afterwards = asyncio.run(contents(house))

    assert while_it_ran == afterwards == acknowledged
    assert "Traceback" not in server.log
    assert server.log.count("cannot be written") == 1
    assert server.log.count("can be written again") == 1


@needs_prlimit
def test_nothing_acknowledged_is_lost_when_the_disk_is_full_again_and_again(tmp_path: Path) -> None:
    ledger = Ledger(may_be_full=True)
    publishers: list[Publisher] = eight_publishers(ledger, SEED)
    rooms = ("hall", "attic")
    random = Random(SEED)
    acknowledged = []

    def full_and_free(server: RunningServer) -> None:
        for _ in range(3):
            time.sleep(random.uniform(0.1, 0.3))
            with full_disk(server, free_bytes=random.choice([0, log_bytes(tmp_path) + 100_000])):
                time.sleep(random.uniform(0.1, 0.3))
            acknowledged.append(ledger.acknowledged)
            time.sleep(1.2)
        acknowledged.append(ledger.acknowledged)
        server.process.kill()

    with started(tmp_path) as (server, house):
        asyncio.run(speak(house, publishers, rooms, ledger, lambda: full_and_free(server)))
        server.stop(signal.SIGKILL)
    with started(tmp_path) as (_, house):
        asyncio.run(check(house, ledger, whole=True))

    assert ledger.refused > 0
    assert ledger.verified == ledger.acknowledged
    assert acknowledged == sorted(set(acknowledged)), "it is published again after each time"
    assert "Traceback" not in server.log
