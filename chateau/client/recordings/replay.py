"""Replay: send the frames that the clients of a recording sent, and count the frames that are received.

The frames of one client are sent one after the other, without waiting for responses. The frames of another
client can depend on frames that the recording shows as received before: bob has to be registered when alice
sends him a message. So before the sender changes, a connection opens or a close is sent, each client has to
have received as many frames as in the recording. Their contents are not compared; scenarios do that.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chateau.client.recordings.recording import HEAD_END, open_event, parse_message, without_auto_replies
from chateau.client.transcript import ABNORMAL, Direction, Entry, OnEntry, Opcode, close_of
from chateau.client.transports import (
    CannotConnect,
    Connection,
    ConnectionClosed,
    RequestFailed,
    Target,
    open_connection,
)
from chateau.client.transports.http import send_request
from chateau.client.transports.target import address_of

FRAMES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.LINE, Opcode.EVENT, Opcode.RESPONSE})
COUNTED = FRAMES | {Opcode.CLOSE}
BARRIERS = frozenset({Opcode.OPEN, Opcode.CLOSE})  # before these, all clients have to catch up
FRAMES_PER_YIELD = 64  # sent before other tasks run
CLOSING_SECONDS = 0.5

TargetOf = Callable[[str, dict[str, Any]], Target]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay; ``expected`` is the number of frames received in the recording."""

    sent: int
    received: int
    expected: int
    missing: int  # the sum over the clients that received fewer than in the recording
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
    """Send the frames that *entries* show as sent, *speed* times as fast, or without pauses if it is 0.

    *target_of* returns the target of a client, from its name and the fields of its ``open`` entry. A client
    that is behind the recording is waited for, once: until no client has received anything for
    *timeout_seconds*.

    Raises:
        CannotConnect: a client cannot connect.
    """
    started_at = asyncio.get_running_loop().time()
    run = _Replay(target_of, timeout_seconds, on_entry)
    try:
        await run.play(entries, speed)
        await run.finish()
    finally:
        await run.leave()
    return run.result(asyncio.get_running_loop().time() - started_at)


@dataclass(slots=True)
class _Client:
    """A client of the recording."""

    connection: Connection | None = None
    request: asyncio.Task[None] | None = None  # the last one
    due: int = 0  # number received in the recording so far
    arrived: int = 0
    frames_due: int = 0  # the same without closes
    frames_arrived: int = 0
    unsent: int = 0  # after the server had closed
    is_given_up: bool = False

    @property
    def is_behind(self) -> bool:
        return self.arrived < self.due and not self.is_given_up


class _Replay:
    def __init__(self, target_of: TargetOf, timeout_seconds: float, on_entry: OnEntry | None) -> None:
        self._target_of = target_of
        self._timeout_seconds = timeout_seconds
        self._on_entry = on_entry
        self._clients: dict[str, _Client] = {}
        self._behind: set[str] = set()
        self._arrival = asyncio.Event()
        self.sent = 0
        self.notes: list[str] = []

    def result(self, seconds: float) -> ReplayResult:
        counts = [(state.frames_arrived, state.frames_due) for state in self._clients.values()]
        return ReplayResult(
            sent=self.sent,
            received=sum(arrived for arrived, _ in counts),
            expected=sum(due for _, due in counts),
            missing=sum(max(0, due - arrived) for arrived, due in counts),
            seconds=seconds,
            notes=tuple(self.notes),
        )

    async def play(self, entries: Sequence[Entry], speed: float) -> None:
        time = asyncio.get_running_loop().time
        started_at, sender = time(), None
        for entry in without_auto_replies(entries):
            if entry.direction is Direction.RECEIVED:
                self._expect(entry)
            else:
                if entry.client != sender or entry.opcode in BARRIERS:
                    await self._catch_up()
                sender = entry.client
                if speed:
                    due_at = started_at + (entry.at - entries[0].at) / speed
                    await asyncio.sleep(max(0, due_at - time()))
                await self._act(entry)

    async def finish(self) -> None:
        """Wait for the frames that are due, then close the connections that are still open."""
        await self._catch_up()
        for state in self._clients.values():
            if state.connection is not None and state.connection.is_open:
                await state.connection.close()
                await _wait_closed(state.connection, CLOSING_SECONDS)

    async def leave(self) -> None:
        """Close everything, also after an error."""
        requests = [state.request for state in self._clients.values() if state.request is not None]
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        for name, state in self._clients.items():
            if state.connection is not None:
                state.connection.abort()
            if state.unsent:
                frames = f"{state.unsent} frame{'' if state.unsent == 1 else 's'}"
                self.notes.append(f"{name}'s connection was closed before {frames} could be sent")

    # Receiving

    def _expect(self, entry: Entry) -> None:
        if entry.opcode not in COUNTED:
            return
        state = self._client(entry.client)
        state.due += 1
        state.frames_due += entry.opcode in FRAMES
        if state.is_behind:
            self._behind.add(entry.client)

    def _on_connection_entry(self, entry: Entry) -> None:
        if self._on_entry is not None:
            self._on_entry(entry)
        if entry.direction is Direction.RECEIVED and entry.opcode in COUNTED:
            self._client(entry.client).frames_arrived += entry.opcode in FRAMES
            self._count_arrival(entry.client)

    def _count_arrival(self, client: str) -> None:
        state = self._client(client)
        state.arrived += 1
        if not state.is_behind:
            self._behind.discard(client)
        self._arrival.set()

    async def _catch_up(self) -> None:
        """Wait until each client has received as much as in the recording, or nothing arrives any more."""
        while self._behind:
            self._arrival.clear()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._arrival.wait()
            except TimeoutError:
                self._give_up()

    def _give_up(self) -> None:
        for client in sorted(self._behind):
            state = self._client(client)
            state.is_given_up = True
            self.notes.append(
                f"{client} had received {state.arrived} of {state.due} frames when nothing arrived for "
                f"{self._timeout_seconds:g} s; the replay continues without it"
            )
        self._behind.clear()

    # Sending

    async def _act(self, entry: Entry) -> None:
        match entry.opcode:
            case Opcode.OPEN:
                await self._open(entry)
            case Opcode.REQUEST:
                self.sent += 1
                state = self._client(entry.client)
                state.request = asyncio.create_task(self._request(entry, state.request))
            case _:
                await self._send(entry)

    async def _open(self, entry: Entry) -> None:
        state = self._client(entry.client)
        if state.connection is not None:
            await _wait_closed(state.connection, self._timeout_seconds)  # so that its name is free
            state.connection.abort()
        target = self._target_of(entry.client, open_event(entry))
        state.connection = await open_connection(
            entry.client, target, self._on_connection_entry, self._timeout_seconds
        )

    async def _send(self, entry: Entry) -> None:
        state = self._client(entry.client)
        try:
            if state.connection is None:
                raise ConnectionClosed(f"{entry.client} has not connected")
            if entry.opcode is Opcode.CLOSE:
                await _close(state.connection, entry.payload)
                return
            if entry.opcode is Opcode.RAW:
                await state.connection.send_raw(entry.payload)
            else:
                await state.connection.send(entry.opcode, entry.payload)
        except ConnectionClosed:
            state.unsent += entry.opcode is not Opcode.CLOSE
            return
        self.sent += 1
        if self.sent % FRAMES_PER_YIELD == 0:
            await asyncio.sleep(0)

    async def _request(self, entry: Entry, before: "asyncio.Task[None] | None") -> None:
        """Send the request once the one before has its response."""
        if before is not None:
            await asyncio.wait({before})
        client = entry.client
        try:
            target = self._target_of(client, _request_target(entry.payload))
            data = _retarget(entry.payload, target.url)
            local_address = target.local_address
            await send_request(
                client, data, target.url, self._on_connection_entry, self._timeout_seconds, local_address
            )
        except (RequestFailed, CannotConnect, ValueError) as exc:
            self.notes.append(str(exc))
            self._count_arrival(client)

    def _client(self, client: str) -> _Client:
        return self._clients.setdefault(client, _Client())


async def _close(connection: Connection, payload: bytes) -> None:
    """Close as in the recording; the code 1006, which no frame has, stands for an abort or a half close."""
    match close_of(payload):
        case (code, "half close") if code == ABNORMAL:
            await connection.half_close()
        case (code, _) if code == ABNORMAL:
            connection.abort()
        case code, reason:
            await connection.close(code, reason)


async def _wait_closed(connection: Connection, timeout_seconds: float) -> None:
    with suppress(TimeoutError):
        await connection.wait_closed(timeout_seconds)


def _request_target(payload: bytes) -> dict[str, Any]:
    """Return the target of a request, as an ``open`` entry has it. Raises :class:`ValueError`."""
    request = parse_message(payload)
    return {"protocol": "http", "url": f"http://{request.header('host') or 'localhost'}{request.start[1]}"}


def _retarget(payload: bytes, url: str) -> bytes:
    """Return the request with the Host of *url*, otherwise unchanged."""
    head, end, body = payload.partition(HEAD_END)
    lines = [
        b"Host: " + address_of(url).authority.encode() if line.lower().startswith(b"host:") else line
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + end + body
