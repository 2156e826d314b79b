"""A kill campaign: each round starts a server, publishes, kills it, restarts it and checks its history.

The server is a real process, killed by SIGKILL at a random moment; in every second round at the next
acknowledgement after it, the worst moment for a premature one. The messages of a round are checked against
the ledger after the next start, and the whole history at the end.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from ledger import Ledger, Loss, Record
from publishers import (
    Address,
    ChateauConnection,
    LinesConnection,
    Listener,
    Publisher,
)
from running_server import RunningServer, free_port, running_server

RETAINED = 10_000_000
"""Retention of messages and packages per room, for runs without trimming."""

PAGE = 1_000
FEW = 200
"""Minimum number of messages in the HISTORY of lines, among the last 1,000 joins and messages."""

PUBLISHING_SECONDS = 60
START_ATTEMPTS = 3


@contextmanager
def started(folder: Path, *flags: str, retained: int = RETAINED) -> Iterator[tuple[RunningServer, Address]]:
    """Run a server with its data in *folder*; stop it at the end unless it has ended."""
    limits = ("--history", str(retained), "--channel-history", str(retained))
    limits += ("--max-rate", "0", "--max-publish-rate", "0")
    with ExitStack() as stack:
        for attempt in range(1, START_ATTEMPTS + 1):
            lines_port = free_port()
            ports = ("--data", str(folder), "--lines-port", str(lines_port))
            try:
                server = stack.enter_context(running_server(*ports, *limits, *flags))
                break
            except AssertionError as exc:  # another process has taken the free port
                if "Address already in use" not in str(exc) or attempt == START_ATTEMPTS:
                    raise
        port = urlsplit(server.address).port
        assert port is not None
        yield server, Address(port, lines_port)


def end(server: RunningServer, number: signal.Signals, *, after_seconds: float) -> Callable[[], None]:
    """Return a function that signals *server* after *after_seconds*, for a thread."""

    def ended() -> None:
        time.sleep(after_seconds)
        server.process.send_signal(number)

    return ended


def check_end(server: RunningServer, number: signal.Signals) -> None:
    """Stop *server* with *number*; check its exit code and its log."""
    code = server.stop(number)
    expected = -signal.SIGKILL if number is signal.SIGKILL else 0
    if code != expected or "Traceback" in server.log or "ERROR" in server.log:
        raise Loss(f"the server ended with {code}, and stored:\n{server.log}")


def end_at_acknowledgement(
    server: RunningServer, number: signal.Signals, ledger: Ledger, *, after_seconds: float
) -> Callable[[], None]:
    """Return a function that signals *server* at its next acknowledgement, for a thread."""

    def armed() -> None:
        time.sleep(after_seconds)
        ledger.at_acknowledgement = lambda: server.process.send_signal(number)

    return armed


def once_acknowledged(ledger: Ledger, count: int, then: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls *then* once *ledger* has *count* acknowledgements, for a thread."""

    def waiting() -> None:
        deadline = time.monotonic() + PUBLISHING_SECONDS / 2
        while ledger.acknowledged < count and time.monotonic() < deadline:
            time.sleep(0.005)
        then()

    return waiting


async def publish_all(
    address: Address,
    publishers: Sequence[Publisher],
    rooms: Sequence[str],
    ledger: Ledger,
    end: Callable[[], None],
) -> None:
    """Run all *publishers*, and a listener in each of *rooms*, until *end* ends the server."""
    async with AsyncExitStack() as stack, asyncio.timeout(PUBLISHING_SECONDS):
        listeners = [await stack.enter_async_context(Listener.open(address, room, ledger)) for room in rooms]
        await asyncio.gather(
            *(listener.listen() for listener in listeners),
            *(publisher.publish(address, rooms) for publisher in publishers),
            asyncio.to_thread(end),
        )


async def history(reader: ChateauConnection, room: str, *, since: int) -> list[Record]:
    """Return the history of *room* after *since*; *reader* is a member."""
    records: list[Record] = []
    while True:
        request = {"type": 8, "room": room, "since": since, "limit": PAGE}
        response = await reader.ask(request)
        assert response["status"] == 200, response
        records += response["messages"]
        if response["complete"] or not response["messages"]:
            return records
        since = records[-1]["seq"]


async def check(address: Address, ledger: Ledger, *, whole: bool = False, by_lines: str = "hall") -> int:
    """Check the history since the last check against *ledger*; return the number of messages.

    The room *by_lines* is checked by the lines protocol, too.
    """
    read = 0
    async with ChateauConnection.open(address) as reader:
        assert (await reader.ask({"type": 1, "username": "reader"}))["status"] == 200
        for room in ledger.rooms if whole else sorted(ledger.unchecked):
            assert (await reader.ask({"type": 5, "room": room}))["status"] == 200
            records = await history(reader, room, since=0 if whole else ledger.checked_to(room))
            ledger.check(room, records, whole=whole)
            read += len(records)
            if room == by_lines:
                await check_lines(address, room, records)
    return read


async def check_lines(address: Address, room: str, records: Sequence[Record]) -> None:
    """Check the last of *records* against the HISTORY of *room* in the lines protocol."""
    async with LinesConnection.open(address) as reader:
        await reader.send("LOGIN reader2", f"JOIN {room}", "HISTORY")
        received = await reader.receive_until("commandResult", 3)
        count = next(frame["count"] for frame in received if "count" in frame)
        so_far = sum(frame["type"] == "history" for frame in received)
        if so_far < count:
            received += await reader.receive_until("history", count - so_far)
    bodies = [frame["body"] for frame in received if frame["type"] == "history"]
    stored = [(body["from"], body["body"]) for body in bodies if body["type"] == "message"]
    expected = [(record["sender"], record["content"]) for record in records]
    count = min(len(stored), len(expected))  # it may have older ones, or fewer
    if stored[len(stored) - count :] != expected[len(expected) - count :] or count < min(len(expected), FEW):
        raise Loss(f"{room}: HISTORY of the lines ends with {stored[-3:]}, type 8 with {expected[-3:]}")


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round; *read* is the number of new messages in the history."""

    number: int
    killed_after_seconds: float
    sent: int
    acknowledged: int
    read: int


class Workload(NamedTuple):
    """The publishers, and the rooms of each round by its number, from 1 on."""

    publishers: Sequence[Publisher]
    rooms: Callable[[int], Sequence[str]]


def two_old_rooms_and_a_new_one(number: int) -> Sequence[str]:
    """Return the rooms of a round; the new one is used for two rounds, so a kill meets it new and known."""
    return ("hall", "attic", f"new{number // 2}")


def play(
    folder: Path,
    ledger: Ledger,
    workload: Workload,
    *,
    seed: int,
    rounds: int,
    retained: int = RETAINED,
    min_acknowledged: int = 0,
) -> Iterator[Round]:
    """Play *rounds*; yield each one after the next start has checked it. Check the whole history at the end.

    The random delay of a kill starts after *min_acknowledged* acknowledgements in the round.

    Raises:
        Loss: the server lost, repeated or reordered messages.
    """
    random = Random(seed)
    finished = (0, 0.0, 0, 0)
    for number in range(1, rounds + 1):
        rooms = workload.rooms(number)
        seconds = random.uniform(0.02, 0.8)
        sent, acknowledged = ledger.sent, ledger.acknowledged
        with started(folder, retained=retained) as (server, address):
            if number > 1:
                yield Round(*finished, read=asyncio.run(check(address, ledger)))
            if number % 2:
                kill = end(server, signal.SIGKILL, after_seconds=seconds)
            else:
                kill = end_at_acknowledgement(server, signal.SIGKILL, ledger, after_seconds=seconds)
            kill = once_acknowledged(ledger, acknowledged + min_acknowledged, kill)
            asyncio.run(publish_all(address, workload.publishers, rooms, ledger, kill))
            check_end(server, signal.SIGKILL)
        finished = (number, seconds, ledger.sent - sent, ledger.acknowledged - acknowledged)
    with started(folder, retained=retained) as (server, address):
        yield Round(*finished, read=asyncio.run(check(address, ledger)))
        asyncio.run(check(address, ledger, whole=True))
        check_end(server, signal.SIGTERM)
