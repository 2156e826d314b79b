"""A campaign: a server is started, spoken in, killed, started again and read, round after round.

The process is a real one and its end is SIGKILL, at a moment that a seed chooses and the clock meets
as it can; in every second round it waits for the next acknowledgement, the worst moment for one that
came too early. What a round has left is held against the ledger after the next start, and all at the end.
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
    ChateauConnection,
    House,
    LinesConnection,
    Listener,
    Publisher,
)
from running_server import RunningServer, free_port, running_server

KEPT = 10_000_000
"""Messages and packages of a room, where nothing is to be forgotten."""

PAGE = 1_000
FEW = 200
"""So many messages HISTORY of the lines shows at least, among the last 1,000 arrivals and messages."""

SPEAKING_SECONDS = 60
START_ATTEMPTS = 3


@contextmanager
def started(folder: Path, *flags: str, kept: int = KEPT) -> Iterator[tuple[RunningServer, House]]:
    """A server whose data is in *folder*; it is stopped at the end, if that has not been done."""
    limits = ("--history", str(kept), "--channel-history", str(kept), "--max-rate", "0")
    with ExitStack() as stack:
        for attempt in range(1, START_ATTEMPTS + 1):
            lines_port = free_port()
            ports = ("--data", str(folder), "--lines-port", str(lines_port))
            try:
                server = stack.enter_context(running_server(*ports, *limits, *flags))
                break
            except AssertionError as exc:  # somebody else took the port that was free a moment ago
                if "Address already in use" not in str(exc) or attempt == START_ATTEMPTS:
                    raise
        port = urlsplit(server.address).port
        assert port is not None
        yield server, House(port, lines_port)


def end(server: RunningServer, number: signal.Signals, *, after_seconds: float) -> Callable[[], None]:
    """What ends *server*, and no other process, from a thread of its own."""

    def ended() -> None:
        time.sleep(after_seconds)
        server.process.send_signal(number)

    return ended


def ended_well(server: RunningServer, number: signal.Signals) -> None:
    """Hold against *server* how it ended, and what it has logged."""
    code = server.stop(number)
    expected = -signal.SIGKILL if number is signal.SIGKILL else 0
    if code != expected or "Traceback" in server.log or "ERROR" in server.log:
        raise Loss(f"the server ended with {code}, and said:\n{server.log}")


def end_at_acknowledgement(
    server: RunningServer, number: signal.Signals, ledger: Ledger, *, after_seconds: float
) -> Callable[[], None]:
    """What has *server* ended as soon as it has acknowledged one thing more."""

    def armed() -> None:
        time.sleep(after_seconds)
        ledger.at_acknowledgement = lambda: server.process.send_signal(number)

    return armed


async def speak(
    house: House,
    publishers: Sequence[Publisher],
    rooms: Sequence[str],
    ledger: Ledger,
    end: Callable[[], None],
) -> None:
    """Let all *publishers* speak, and a listener listen in each of *rooms*, until *end* ends the server."""
    async with AsyncExitStack() as stack, asyncio.timeout(SPEAKING_SECONDS):
        listeners = [await stack.enter_async_context(Listener.open(house, room, ledger)) for room in rooms]
        await asyncio.gather(
            *(listener.listen() for listener in listeners),
            *(publisher.publish(house, rooms) for publisher in publishers),
            asyncio.to_thread(end),
        )


async def history(reader: ChateauConnection, room: str, *, since: int) -> list[Record]:
    """All that *reader*, who is inside, finds in *room* after *since*, page by page."""
    records: list[Record] = []
    while True:
        request = {"type": 8, "room": room, "since": since, "limit": PAGE}
        answer = await reader.ask(request)
        assert answer["status"] == 200, answer
        records += answer["messages"]
        if answer["complete"] or not answer["messages"]:
            return records
        since = records[-1]["seq"]


async def check(house: House, ledger: Ledger, *, whole: bool = False, by_lines: str = "hall") -> int:
    """Hold against *ledger* what is kept since the last check; returns how many messages were read.

    One room is read *by_lines*, too.
    """
    read = 0
    async with ChateauConnection.open(house) as reader:
        assert (await reader.ask({"type": 1, "username": "reader"}))["status"] == 200
        for room in ledger.rooms if whole else sorted(ledger.unchecked):
            assert (await reader.ask({"type": 5, "room": room}))["status"] == 200
            records = await history(reader, room, since=0 if whole else ledger.checked_to(room))
            ledger.check(room, records, whole=whole)
            read += len(records)
            if room == by_lines:
                await check_lines(house, room, records)
    return read


async def check_lines(house: House, room: str, records: Sequence[Record]) -> None:
    """Hold the last of *records* against what HISTORY of the lines protocol says of *room*."""
    async with LinesConnection.open(house) as reader:
        await reader.say("LOGIN reader2", f"JOIN {room}", "HISTORY")
        heard = await reader.hear_until("commandResult", 3)
        count = next(frame["count"] for frame in heard if "count" in frame)
        so_far = sum(frame["type"] == "history" for frame in heard)
        if so_far < count:
            heard += await reader.hear_until("history", count - so_far)
    bodies = [frame["body"] for frame in heard if frame["type"] == "history"]
    said = [(body["from"], body["body"]) for body in bodies if body["type"] == "message"]
    expected = [(record["sender"], record["content"]) for record in records]
    count = min(len(said), len(expected))  # it shows what is older as well, or less
    if said[len(said) - count :] != expected[len(expected) - count :] or count < min(len(expected), FEW):
        raise Loss(f"{room}: HISTORY of the lines ends with {said[-3:]}, type 8 with {expected[-3:]}")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round has seen; *read* is how many messages the history has that were not there before."""

    number: int
    killed_after_seconds: float
    said: int
    acknowledged: int
    read: int


class Cast(NamedTuple):
    """Who speaks, and where: the rooms of a round by its number, from 1 on."""

    publishers: Sequence[Publisher]
    rooms: Callable[[int], Sequence[str]]


def two_old_rooms_and_a_new_one(number: int) -> Sequence[str]:
    """The new one is there for two rounds: it is killed when it is new, and when it is not."""
    return ("hall", "attic", f"new{number // 2}")


def play(
    folder: Path, ledger: Ledger, cast: Cast, *, seed: int, rounds: int, kept: int = KEPT
) -> Iterator[Round]:
    """Play so many *rounds*; each is over when the next start has read it, and at the very end all is read.

    Raises:
        Loss: the server broke a promise.
    """
    random = Random(seed)
    spoken = (0, 0.0, 0, 0)
    for number in range(1, rounds + 1):
        rooms = cast.rooms(number)
        seconds = random.uniform(0.02, 0.8)
        said, acknowledged = ledger.said, ledger.acknowledged
        with started(folder, kept=kept) as (server, house):
            if number > 1:
                yield Round(*spoken, read=asyncio.run(check(house, ledger)))
            if number % 2:
                kill = end(server, signal.SIGKILL, after_seconds=seconds)
            else:
                kill = end_at_acknowledgement(server, signal.SIGKILL, ledger, after_seconds=seconds)
            asyncio.run(speak(house, cast.publishers, rooms, ledger, kill))
            ended_well(server, signal.SIGKILL)
        spoken = (number, seconds, ledger.said - said, ledger.acknowledged - acknowledged)
    with started(folder, kept=kept) as (server, house):
        yield Round(*spoken, read=asyncio.run(check(house, ledger)))
        asyncio.run(check(house, ledger, whole=True))
        ended_well(server, signal.SIGTERM)
