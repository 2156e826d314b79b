"""Expect frames: the queue of received frames, and the search for those that a step expects.

A strict scenario takes the oldest frames and fails at the first that differs. Any other scenario takes the
oldest frames that match, and leaves the rest in the queue.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chateau.client import strict_json
from chateau.client.scenarios.diff import explain
from chateau.client.scenarios.match import assign, closest, closest_expectation, match, unmatched
from chateau.client.scenarios.schemas import Schemas
from chateau.client.transcript import Entry, Opcode, close_of
from chateau.client.transports import event_fields

CONTROL = {Opcode.PING: "ping", Opcode.PONG: "pong"}
FRAMES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.LINE, Opcode.EVENT})


class Unreadable(str):
    """A description of a frame that cannot be read as a step requires."""

    __slots__ = ()


class Inbox:
    """The frames that a client received and no step has taken, oldest first.

    ``changed`` is set whenever something arrives.
    """

    def __init__(self) -> None:
        self.frames: list[Entry] = []
        self.controls: list[Entry] = []
        self.close: Entry | None = None
        self.changed = asyncio.Event()

    def put(self, entry: Entry) -> None:
        """Add *entry*, which the client has received."""
        if entry.opcode in FRAMES:
            self.frames.append(entry)
        elif entry.opcode in CONTROL:
            self.controls.append(entry)
        elif entry.opcode is Opcode.CLOSE:
            self.close = entry
        self.changed.set()

    def waiting(self, read_as: str | None) -> list[Entry]:
        """Return the frames that a step may take; it takes one by deleting it from the list."""
        return self.controls if read_as in CONTROL.values() else self.frames

    async def wait(self, until: float) -> bool:
        """Wait for the next change; return False if there is none until the loop's time *until*."""
        self.changed.clear()
        try:
            async with asyncio.timeout_at(until):
                await self.changed.wait()
        except TimeoutError:
            return False
        return True


def read(entry: Entry, read_as: str | None) -> Any:
    """Return the content of *entry* for a step that reads frames as *read_as*, or an :class:`Unreadable`."""
    if entry.opcode in CONTROL:
        if read_as != CONTROL[entry.opcode]:
            return Unreadable(f"a {entry.opcode}")
        return entry.payload.decode("utf-8", "backslashreplace")
    if entry.opcode is Opcode.BINARY:
        return entry.payload.hex() if read_as == "binary" else Unreadable(f"a binary frame: {entry.text}")
    if read_as == "binary":
        return Unreadable(f"a text frame: {entry.text}")
    if entry.opcode is Opcode.EVENT:
        return event_fields(entry.payload)
    text = entry.payload.decode()
    if read_as == "text":
        return text
    try:
        value = strict_json.decode(text)
    except ValueError:
        return Unreadable(f"not JSON: {text}") if read_as == "json" else text
    return value if read_as == "json" or isinstance(value, dict | list) else text


def close_in_words(entry: Entry) -> str:
    """Return how a connection ended, such as ``with 1000, 'bye'``."""
    code, reason = close_of(entry.payload)
    return f"with {code}{f', {reason!r}' if reason else ''}" if code else "without a close code"


@dataclass(eq=False)
class ExpectationFailed(Exception):
    """The expected frames did not come, or others did; ``diff`` compares the closest pair."""

    sentence: str
    differences: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()


@dataclass
class Expectation:
    """What a step expects of one client: *frames* in this order, or *unordered*, each read as *read_as*.

    *fill* fills in variables, and *capture* receives the values that the frames give to variables.
    """

    frames: Sequence[Any]
    exact: bool
    unordered: bool
    read_as: str | None
    strict: bool
    within_seconds: float
    inbox: Inbox
    schemas: Schemas
    fill: Callable[[Any], Any]
    capture: Callable[[dict[str, Any]], None]

    def __post_init__(self) -> None:
        self._waiting = self.inbox.waiting(self.read_as)
        self._options: Any = {"exact": self.exact, "schemas": self.schemas}
        self._is_over = False
        self._until = asyncio.get_running_loop().time() + self.within_seconds

    async def take(self) -> None:
        """Take the expected frames from the inbox. Raises :class:`ExpectationFailed`."""
        if self.unordered:
            await self._take_all([self.fill(frame) for frame in self.frames])
            return
        start = 0
        for frame in self.frames:
            start = await self._take_one(self.fill(frame), start)

    async def _take_one(self, wanted: Any, start: int) -> int:
        """Take the first frame from index *start* on that matches *wanted*; return its index."""
        seen = start
        while True:
            for index in range(seen, len(self._waiting)):
                got = read(self._waiting[index], self.read_as)
                if not isinstance(got, Unreadable):
                    found = match(wanted, got, **self._options)
                    if found.matches:
                        self.capture(found.captures)
                        del self._waiting[index]
                        return index
                if self.strict:
                    raise self._different([wanted], got)
            seen = len(self._waiting)
            await self._wait([wanted], start)

    async def _take_all(self, wanted: list[Any]) -> None:
        """Take frames that match all of *wanted*, in any order."""
        while True:
            eligible = self._waiting[: len(wanted)] if self.strict else self._waiting
            readings = [read(entry, self.read_as) for entry in eligible]
            readable = [index for index, got in enumerate(readings) if not isinstance(got, Unreadable)]
            found = assign(wanted, [readings[index] for index in readable], **self._options)
            if found is not None:
                self.capture(found.captures)
                for taken in sorted((readable[index] for index in found.taken), reverse=True):
                    del self._waiting[taken]
                return
            if self.strict:
                self._fail_early(wanted, readings)
            await self._wait(wanted, 0)

    def _fail_early(self, wanted: list[Any], readings: list[Any]) -> None:
        """In a strict scenario, fail at a frame that matches none of *wanted*, or once all have arrived."""
        for got in readings:
            if isinstance(got, Unreadable) or not any(
                match(one, got, **self._options).matches for one in wanted
            ):
                raise self._different(wanted, got)
        if len(readings) == len(wanted):
            unmet, rest = unmatched(wanted, readings, **self._options)
            raise self._different([wanted[unmet[0]]], readings[rest[0]])

    async def _wait(self, wanted: list[Any], start: int) -> None:
        """Wait for another frame. Raises :class:`ExpectationFailed` at the end of connection or time.

        When the time is over, return again: the last frames may have come at the same moment.
        """
        if self.inbox.close is not None:
            reason = f"the server closed the connection {close_in_words(self.inbox.close)} before it came"
            raise self._missing(reason, wanted, start)
        if self._is_over:
            reason = f"it did not come within {self.within_seconds:g} s"
            raise self._missing(reason, wanted, start)
        self._is_over = not await self.inbox.wait(self._until)

    def _missing(self, sentence: str, wanted: list[Any], start: int) -> ExpectationFailed:
        """Describe a missing frame, next to the received frame that is closest to it."""
        readings = [read(entry, self.read_as) for entry in self._waiting[start:]]
        readable = [got for got in readings if not isinstance(got, Unreadable)]
        others = f"there was only {readings[-1]}" if readings and not readable else "there was no other frame"
        if self.unordered:  # some of them may have come
            unmet, rest = unmatched(wanted, readable, **self._options)
            wanted, readable = [wanted[index] for index in unmet], [readable[index] for index in rest]
        nearest = closest(wanted[0], readable, **self._options)
        if nearest is None:
            return ExpectationFailed(f"{sentence}; {others}", *explain(wanted[0], None, None))
        difference = self._different(wanted, readable[nearest])
        count = len(readable)
        others = "another frame came" if count == 1 else f"{count} other frames came"
        return ExpectationFailed(f"{sentence}; {others}", difference.differences, difference.diff)

    def _different(self, wanted: list[Any], got: Any) -> ExpectationFailed:
        """Describe *got* next to the one of *wanted* that is closest to it."""
        if isinstance(got, Unreadable):
            return ExpectationFailed(f"another frame came: {got}")
        nearest = wanted[closest_expectation(wanted, got, **self._options) or 0]
        found = match(nearest, got, **self._options)
        return ExpectationFailed("another frame came", *explain(nearest, got, found.mismatches))
