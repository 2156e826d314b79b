"""Replay: what the clients of a recording sent is sent again, and what comes is counted.

The frames of one client go out one after the other, without waiting for answers. What another client does
may depend on what the recording shows as received before: bob's name has to be registered when alice writes
to him. So before the sender changes, a connection opens or a goodbye is said, each client has to have
received as many frames as had come in the recording. What they hold is not compared: scenarios are for that.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chateau.client.recordings.echoes import Echoes
from chateau.client.recordings.opening import opening
from chateau.client.recordings.request import requested, retargeted
from chateau.client.transcript import ABNORMAL, Direction, Entry, OnEntry, Opcode, close_of
from chateau.client.transports import (
    CannotConnect,
    Connection,
    ConnectionClosed,
    RequestFailed,
    Target,
    open_connection,
    send_request,
)

FRAMES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.LINE, Opcode.EVENT, Opcode.RESPONSE})
WAITED_FOR = FRAMES | {Opcode.CLOSE}
TURNS = frozenset({Opcode.OPEN, Opcode.CLOSE})  # before these, all that is due has to have come
FRAMES_A_BREATH = 64  # sent without letting anything be read
GOODBYE_SECONDS = 0.5

TargetOf = Callable[[str, dict[str, Any]], Target]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay came to; ``expected`` is how many frames were received in the recording."""

    sent: int
    received: int
    expected: int
    missing: int  # how many fewer its clients received than in the recording, client by client
    seconds: float
    notes: tuple[str, ...] = ()


async def replay(
    entries: Sequence[Entry],
    target_of: TargetOf,
    *,
    speed: float,
    timeout_seconds: float,
    on_entry: OnEntry | None = None,
) -> ReplayResult:
    """Send again what *entries* show as sent: *speed* times as fast as then, or at once where it is 0.

    *target_of* says where a client connects to, by its name and what its opening in the recording said. Who
    gets less than in the recording is waited for, once: until nobody has got anything for *timeout_seconds*.

    Raises:
        CannotConnect: there is no connection.
    """
    started_at = asyncio.get_running_loop().time()
    run = _Replay(target_of, timeout_seconds, on_entry)
    try:
        await run.play(entries, speed)
        await run.finish()
    finally:
        await run.leave()
    seconds = asyncio.get_running_loop().time() - started_at
    return ReplayResult(run.sent, run.received, run.expected, run.missing, seconds, tuple(run.notes))


@dataclass(slots=True)
class _Guest:
    """One client of the recording."""

    wire: Connection | None = None
    request: asyncio.Task[None] | None = None  # the last one
    due: int = 0  # how much the recording has received up to here
    came: int = 0
    frames_due: int = 0  # the same without goodbyes
    frames_came: int = 0
    unsent: int = 0  # after the server had gone
    is_given_up: bool = False

    @property
    def is_behind(self) -> bool:
        return self.came < self.due and not self.is_given_up


class _Replay:
    def __init__(self, target_of: TargetOf, timeout_seconds: float, on_entry: OnEntry | None) -> None:
        self._target_of = target_of
        self._timeout_seconds = timeout_seconds
        self._on_entry = on_entry
        self._guests: dict[str, _Guest] = {}
        self._behind: set[str] = set()
        self._is_level = asyncio.Event()  # nobody is behind
        self._is_level.set()
        self._arrivals = 0
        self.sent = 0
        self.notes: list[str] = []

    @property
    def received(self) -> int:
        return sum(guest.frames_came for guest in self._guests.values())

    @property
    def expected(self) -> int:
        return sum(guest.frames_due for guest in self._guests.values())

    @property
    def missing(self) -> int:
        return sum(max(0, guest.frames_due - guest.frames_came) for guest in self._guests.values())

    async def play(self, entries: Sequence[Entry], speed: float) -> None:
        clock, echoes = _Clock(entries, speed), Echoes()
        sender = None
        for entry in entries:
            is_echo = echoes.is_echo(entry)
            if entry.direction is Direction.RECEIVED:
                self._expect(entry)
            elif not is_echo:
                if entry.client != sender or entry.opcode in TURNS:
                    await self._level()
                sender = entry.client
                await clock.wait_for(entry)
                await self._act(entry)

    async def finish(self) -> None:
        """Wait for what is still due, then say goodbye where the recording does not."""
        await self._level()
        for guest in self._guests.values():
            if guest.wire is not None and guest.wire.is_open:
                await guest.wire.close()
                await _ended(guest.wire, GOODBYE_SECONDS)

    async def leave(self) -> None:
        """Leave nothing open, however it went."""
        requests = [guest.request for guest in self._guests.values() if guest.request is not None]
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        for name, guest in self._guests.items():
            if guest.wire is not None:
                guest.wire.abort()
            if guest.unsent:
                frames = f"{guest.unsent} frame{'' if guest.unsent == 1 else 's'}"
                self.notes.append(f"{name}'s connection was closed before {frames} could be sent")

    # What is received: in the recording, and now.

    def _expect(self, entry: Entry) -> None:
        if entry.opcode not in WAITED_FOR:
            return
        guest = self._guest(entry.client)
        guest.due += 1
        guest.frames_due += entry.opcode in FRAMES
        if guest.is_behind:
            self._behind.add(entry.client)
            self._is_level.clear()

    def _heard(self, entry: Entry) -> None:
        if self._on_entry is not None:
            self._on_entry(entry)
        if entry.direction is Direction.RECEIVED and entry.opcode in WAITED_FOR:
            self._guest(entry.client).frames_came += entry.opcode in FRAMES
            self._came(entry.client)

    def _came(self, client: str) -> None:
        guest = self._guest(client)
        guest.came += 1
        self._arrivals += 1
        if not guest.is_behind:
            self._caught_up(client)

    def _caught_up(self, client: str) -> None:
        self._behind.discard(client)
        if not self._behind:
            self._is_level.set()

    async def _level(self) -> None:
        """Wait until as much has come as had come in the recording, or no more does."""
        while self._behind:
            before = self._arrivals
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._is_level.wait()
            except TimeoutError:
                if before == self._arrivals:
                    self._give_up()

    def _give_up(self) -> None:
        for client in sorted(self._behind):
            guest = self._guest(client)
            guest.is_given_up = True
            self.notes.append(
                f"{client} had received {guest.came} of {guest.due} frames when nothing more came for "
                f"{self._timeout_seconds:g} s; it is not waited for any more"
            )
            self._caught_up(client)

    # What is sent.

    async def _act(self, entry: Entry) -> None:
        match entry.opcode:
            case Opcode.OPEN:
                await self._open(entry)
            case Opcode.REQUEST:
                self.sent += 1
                guest = self._guest(entry.client)
                guest.request = asyncio.create_task(self._request(entry, guest.request))
            case _:
                await self._send(entry)

    async def _open(self, entry: Entry) -> None:
        guest = self._guest(entry.client)
        if guest.wire is not None:
            await _ended(guest.wire, self._timeout_seconds)  # so that its name is free, for example
            guest.wire.abort()
        target = self._target_of(entry.client, opening(entry))
        guest.wire = await open_connection(entry.client, target, self._heard, self._timeout_seconds)

    async def _send(self, entry: Entry) -> None:
        guest = self._guest(entry.client)
        try:
            if guest.wire is None:
                raise ConnectionClosed(f"{entry.client} has not connected")
            await self._write(guest.wire, entry)
        except ConnectionClosed:
            guest.unsent += entry.opcode is not Opcode.CLOSE

    async def _write(self, wire: Connection, entry: Entry) -> None:
        if entry.opcode is Opcode.CLOSE:
            await _close(wire, entry.payload)
            return
        if entry.opcode is Opcode.RAW:
            await wire.send_raw(entry.payload)
        else:
            await wire.send(entry.opcode, entry.payload)
        self.sent += 1
        if self.sent % FRAMES_A_BREATH == 0:
            await asyncio.sleep(0)

    async def _request(self, entry: Entry, before: "asyncio.Task[None] | None") -> None:
        """Send the request once the client's last one is answered."""
        if before is not None:
            await asyncio.wait({before})
        client = entry.client
        try:
            target = self._target_of(client, requested(entry.payload))
            data = retargeted(entry.payload, target.url)
            local_address = target.local_address
            await send_request(client, data, target.url, self._heard, self._timeout_seconds, local_address)
        except (RequestFailed, CannotConnect, ValueError) as exc:
            self.notes.append(str(exc))
            self._came(client)

    def _guest(self, client: str) -> _Guest:
        return self._guests.setdefault(client, _Guest())


class _Clock:
    """The pace: when an entry is due, seen from the first one."""

    def __init__(self, entries: Sequence[Entry], speed: float) -> None:
        self._speed = speed
        self._first_at = entries[0].at if entries else 0.0
        self._started_at = asyncio.get_running_loop().time()

    async def wait_for(self, entry: Entry) -> None:
        if not self._speed:
            return
        due_at = self._started_at + (entry.at - self._first_at) / self._speed
        seconds = due_at - asyncio.get_running_loop().time()
        if seconds > 0:
            await asyncio.sleep(seconds)


async def _close(wire: Connection, payload: bytes) -> None:
    """As the recording has it; 1006, which no frame has, stands for the two ways without a goodbye."""
    match close_of(payload):
        case (code, "half close") if code == ABNORMAL:
            await wire.half_close()
        case (code, _) if code == ABNORMAL:
            wire.abort()
        case code, reason:
            await wire.close(code, reason)


async def _ended(wire: Connection, timeout_seconds: float) -> None:
    try:
        await wire.ended(timeout_seconds)
    except TimeoutError:
        return
