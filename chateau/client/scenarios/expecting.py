"""Expecting: taking the frames that a step asks for out of an inbox, or saying why it cannot be.

Two manners, as docs/scenarios.md has them: a strict scenario wants the oldest frames, at once; any other
looks for the oldest ones that match, and leaves the rest where it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chateau.client.scenarios.difference import explain
from chateau.client.scenarios.inbox import Inbox, Unreadable, close_words, read
from chateau.client.scenarios.matching import (
    Match,
    Schemas,
    assign,
    closest,
    left_over,
    match,
    meant,
)
from chateau.client.transcript import Entry

Fill = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a step asks for: frames, one after the other or ``unordered``, each read as ``read_as``."""

    frames: tuple[Any, ...]
    exact: bool
    unordered: bool
    read_as: str | None
    strict: bool
    within_seconds: float


class Unmet(Exception):
    """The frames did not come, or others did; ``wanted`` and ``got`` are to be shown beside each other."""

    def __init__(self, sentence: str, differences: Sequence[str] = (), diff: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.differences = tuple(differences)
        self.diff = tuple(diff)


class Expectation:
    """One wish at one client's inbox.

    *fill* puts variables in, and *capture* takes what the frames have given them.
    """

    def __init__(
        self,
        wish: Wish,
        inbox: Inbox,
        schemas: Schemas,
        fill: Fill,
        capture: Callable[[dict[str, Any]], None],
    ) -> None:
        self._wish = wish
        self._inbox = inbox
        self._waiting = inbox.waiting(wish.read_as)
        self._schemas = schemas
        self._fill = fill
        self._capture = capture
        self._until = asyncio.get_running_loop().time() + wish.within_seconds

    async def take(self) -> None:
        """Take what is wished for. Raises :class:`Unmet`."""
        if self._wish.unordered:
            await self._take_all([self._fill(frame) for frame in self._wish.frames])
            return
        floor = 0
        for frame in self._wish.frames:
            floor = await self._take_one(self._fill(frame), floor)

    async def _take_one(self, wanted: Any, floor: int) -> int:
        """Take the frame that matches *wanted*, at *floor* or behind it; where it was."""
        seen = floor
        while True:
            for index in range(seen, len(self._waiting)):
                got = self._read(self._waiting[index])
                found = self._match(wanted, got)
                if found is not None and found.matches:
                    self._capture(found.captures)
                    del self._waiting[index]
                    return index
                if self._wish.strict:
                    raise self._unlike([wanted], got)
            seen = len(self._waiting)
            await self._wait([wanted], floor)

    async def _take_all(self, wanted: list[Any]) -> None:
        """Take frames that match all of *wanted*, in any order."""
        while True:
            eyed = len(wanted) if self._wish.strict else len(self._waiting)
            readings = [self._read(entry) for entry in self._waiting[:eyed]]
            places = [index for index, got in enumerate(readings) if not isinstance(got, Unreadable)]
            found = assign(
                wanted, [readings[index] for index in places], exact=self._wish.exact, schemas=self._schemas
            )
            if found is not None:
                self._capture(found.captures)
                for taken in sorted((places[index] for index in found.taken), reverse=True):
                    del self._waiting[taken]
                return
            if self._wish.strict:
                self._give_up_early(wanted, readings)
            await self._wait(wanted, 0)

    def _give_up_early(self, wanted: list[Any], readings: list[Any]) -> None:
        """A strict scenario need not wait where a frame is none of those wanted, or where all have come."""
        for got in readings:
            if not any((found := self._match(one, got)) and found.matches for one in wanted):
                raise self._unlike(wanted, got)
        if len(readings) == len(wanted):
            unmet, rest = left_over(wanted, readings, exact=self._wish.exact, schemas=self._schemas)
            raise self._unlike([wanted[unmet[0]]], readings[rest[0]])

    def _match(self, wanted: Any, got: Any) -> Match | None:
        if isinstance(got, Unreadable):
            return None
        return match(wanted, got, exact=self._wish.exact, schemas=self._schemas)

    def _read(self, entry: Entry) -> Any:
        """What *entry* says; an :class:`Unreadable`, not raised, where a step cannot read it so."""
        try:
            return read(entry, self._wish.read_as)
        except Unreadable as exc:
            return exc

    async def _wait(self, wanted: list[Any], floor: int) -> None:
        """Wait for more to come. Raises :class:`Unmet` where nothing more comes, or not in time."""
        if self._inbox.close is not None:
            ending = f"the server closed the connection {close_words(self._inbox.close)} before it came"
            raise self._missing(ending, wanted, floor)
        if not await self._inbox.wait(self._until):
            ending = f"it did not come within {self._wish.within_seconds:g} s"
            raise self._missing(ending, wanted, floor)

    def _missing(self, sentence: str, wanted: list[Any], floor: int) -> Unmet:
        """What is to be told where no frame matched: the one that came closest, beside what was wanted."""
        readings = [self._read(entry) for entry in self._waiting[floor:]]
        readable = [got for got in readings if not isinstance(got, Unreadable)]
        others = f"there was only {readings[-1]}" if readings and not readable else "no other frame was there"
        if self._wish.unordered:  # some of them have come
            unmet, rest = left_over(wanted, readable, exact=self._wish.exact, schemas=self._schemas)
            wanted, readable = [wanted[index] for index in unmet], [readable[index] for index in rest]
        nearest = closest(wanted[0], readable, exact=self._wish.exact, schemas=self._schemas)
        if nearest is None:
            return Unmet(f"{sentence}; {others}", *explain(wanted[0], None, None))
        unlike = self._unlike(wanted, readable[nearest])
        return Unmet(f"{sentence}; {_others(len(readable))}", unlike.differences, unlike.diff)

    def _unlike(self, wanted: list[Any], got: Any) -> Unmet:
        """*got* beside the one of *wanted* that it was meant for, as it seems."""
        if isinstance(got, Unreadable):
            return Unmet(f"another frame came: {got}")
        nearest = wanted[meant(wanted, got, exact=self._wish.exact, schemas=self._schemas) or 0]
        found = match(nearest, got, exact=self._wish.exact, schemas=self._schemas)
        return Unmet("another frame came", *explain(nearest, got, found.mismatches))


def _others(count: int) -> str:
    return "the frame that came is another" if count == 1 else f"{count} other frames came"
