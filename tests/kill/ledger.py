"""The ledger: what was said, what of it was acknowledged, and what a server's history must therefore hold.

It takes notes while publishers and listeners are at work, on a clock that only counts: what was
acknowledged before another message was sent has to stand before it. Afterwards it is held against what
the history says. What is wrong is a :class:`Loss`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

CHANNEL = "channel"
SHOWN = 5
"""So many of the messages that are lost are named."""

Record = dict[str, Any]
"""A message as the history of the chateau protocol has it."""


class Loss(AssertionError):
    """The server broke a promise about what it keeps."""


@dataclass(slots=True, eq=False)
class Said:
    """One message: the publisher's *number*, and when it was sent and acknowledged, by the ledger's clock."""

    room: str
    publisher: str
    number: int
    content: str
    is_package: bool
    sent_at: int
    acknowledged_at: int | None = None
    seq: int | None = None

    @property
    def shown(self) -> str:
        seq = "" if self.seq is None else f" (seq {self.seq})"
        return f"{self.content[:40]}{seq}"


class Numbered(NamedTuple):
    """What a seq was given to."""

    id: str
    sender: str
    content: str


class _Room:
    def __init__(self) -> None:
        self.said: dict[str, Said] = {}
        self.acknowledged: list[Said] = []
        self.numbers: dict[int, Numbered] = {}
        self.ids: dict[str, int] = {}
        self.kept: list[int] = []  # the numbers that a check has found
        # The same, since the last check.
        self.new_acknowledged: list[Said] = []
        self.new_numbers: list[int] = []
        self.checked_to = 0
        self.used_up = 0  # the last of all numbers that were seen before the last check


class Ledger:
    """Of all rooms. Where the server keeps only the last *kept* messages and packages, it knows that.

    Where the disk *may_be_full* at times, publishers may be refused, and of what was heard then some is not
    kept.
    """

    def __init__(self, *, kept: int | None = None, may_be_full: bool = False) -> None:
        self._kept = kept
        self.may_be_full = may_be_full
        self._clock = count(1)
        self._rooms: dict[str, _Room] = {}
        self.unchecked: set[str] = set()  # rooms in which something was said since their last check
        self.at_acknowledgement: Callable[[], object] | None = None  # is called at the next one, and no more
        self.said = 0
        self.acknowledged = 0
        self.refused = 0
        self.verified = 0  # of the acknowledged messages, by a check of the whole history

    @property
    def rooms(self) -> list[str]:
        """Every room in which something was said."""
        return list(self._rooms)

    def checked_to(self, room: str) -> int:
        """The last seq that :meth:`check` has seen."""
        return self._room(room).checked_to

    def last_number(self, room: str) -> int:
        """The highest seq that anybody was told."""
        return max(self._room(room).numbers, default=0)

    def heard_in_vain(self, room: str) -> list[str]:
        """What members heard, and no check has found."""
        noted = self._room(room)
        return [noted.numbers[seq].content for seq in sorted(noted.numbers.keys() - set(noted.kept))]

    # Notes

    def say(self, room: str, publisher: str, number: int, content: str, *, is_package: bool = False) -> Said:
        """*publisher* is about to send *content*."""
        said = Said(room, publisher, number, content, is_package, next(self._clock))
        self._room(room).said[content] = said
        self.unchecked.add(room)
        self.said += 1
        return said

    def acknowledge(self, said: Said, *, seq: int | None = None, id_: str | None = None) -> None:
        """The server has said that it keeps *said*; where its protocol tells them, with its seq and id."""
        call, self.at_acknowledgement = self.at_acknowledgement, None
        if call is not None:
            call()
        said.acknowledged_at = next(self._clock)
        room = self._room(said.room)
        room.acknowledged.append(said)
        room.new_acknowledged.append(said)
        self.acknowledged += 1
        if seq is not None and id_ is not None:
            self._is_new(said.room, seq)
            self._number(said.room, seq, Numbered(id_, said.publisher, said.content))

    def hear(self, record: Record) -> None:
        """A member of a room was told *record*."""
        self._is_new(record["room"], record["seq"])
        self._note(record)

    def _is_new(self, name: str, seq: int) -> None:
        used_up = self._room(name).used_up
        if seq <= used_up:
            raise Loss(f"{name}: a new message has the number {seq}, and {used_up} was given out before")

    def _note(self, record: Record) -> None:
        numbered = Numbered(record["id"], record["sender"], record["content"])
        self._number(record["room"], record["seq"], numbered)

    def _number(self, name: str, seq: int, numbered: Numbered) -> None:
        """The number *seq* stands for *numbered*, from now on and for ever."""
        room = self._room(name)
        known = room.numbers.get(seq)
        if known is None:
            if numbered.id in room.ids:
                raise Loss(f"{name}: {numbered} is both {room.ids[numbered.id]} and {seq}")
            room.numbers[seq] = numbered
            room.ids[numbered.id] = seq
            room.new_numbers.append(seq)
        elif known != numbered:
            raise Loss(f"{name}: the number {seq} was given to {known}, and then to {numbered}")
        said = room.said.get(numbered.content)
        if said is None:
            raise Loss(f"{name}: nobody said {numbered}, which has the number {seq}")
        if said.seq not in (None, seq):
            raise Loss(f"{name}: {said.shown} is there a second time, with the number {seq}")
        said.seq = seq

    # The check

    def check(self, name: str, records: list[Record], *, whole: bool = False) -> None:
        """Hold *records* against what was noted: all since the last check, or the *whole* history."""
        room = self._room(name)
        since = 0 if whole else room.checked_to
        seqs = [record["seq"] for record in records]
        if any(later <= earlier for earlier, later in zip([since, *seqs], seqs, strict=False)):
            raise Loss(f"{name}: the numbers do not rise, from {since} on: {seqs}")
        for record in records:
            if record["room"] != name:
                raise Loss(f"{name}: its history has a message of another room: {record}")
            self._note(record)
        found = [room.said[record["content"]] for record in records]
        floors = {is_package: self._floor(records, is_package, since) for is_package in (True, False)}
        self._check_missing(name, room.acknowledged if whole else room.new_acknowledged, found, floors)
        # What was heard may be gone with the process, but not from before anything that is kept.
        if whole or not self.may_be_full:
            self._check_holes(name, room.kept if whole else room.new_numbers, seqs, floors)
        _check_order(name, found)
        room.kept = seqs if whole else room.kept + seqs
        if whole:
            self.verified += sum(said.acknowledged_at is not None for said in found)
        room.new_acknowledged, room.new_numbers = [], []
        self.unchecked.discard(name)
        room.checked_to = max([since, *seqs])
        room.used_up = max(room.numbers, default=0)

    def _floor(self, records: list[Record], is_package: bool, since: int) -> int:
        """The seq above which no message, or no package, may be missing."""
        seqs = [record["seq"] for record in records if (record["sender"] == CHANNEL) == is_package]
        if self._kept is None or len(seqs) < self._kept:
            return since
        if len(seqs) > self._kept:
            raise Loss(f"{records[0]['room']}: {len(seqs)} are kept where the limit is {self._kept}")
        return int(seqs[0]) - 1

    def _check_missing(
        self, name: str, acknowledged: list[Said], found: list[Said], floors: dict[bool, int]
    ) -> None:
        present = set(found)
        missing = [said for said in acknowledged if said not in present]
        if self._kept is not None:
            missing = [said for said in missing if not _may_be_gone(said, found, floors)]
        if missing:
            shown = ", ".join(said.shown for said in missing[:SHOWN])
            raise Loss(f"{name}: {len(missing)} acknowledged message(s) are not in the history: {shown}")

    def _check_holes(self, name: str, heard: list[int], seqs: list[int], floors: dict[bool, int]) -> None:
        kept, numbers = set(seqs), self._room(name).numbers
        last = seqs[-1] if seqs else 0
        holes = [
            seq for seq in heard if floors[numbers[seq].sender == CHANNEL] < seq <= last and seq not in kept
        ]
        if holes:
            shown = ", ".join(f"{seq} {numbers[seq].content[:40]}" for seq in holes[:SHOWN])
            raise Loss(f"{name}: {len(holes)} message(s) are missing before the last, {last}: {shown}")

    def _room(self, name: str) -> _Room:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room()
        return room


def _may_be_gone(said: Said, found: list[Said], floors: dict[bool, int]) -> bool:
    """Whether acknowledged *said* may have been trimmed: nothing that is kept must stand before it."""
    if said.seq is not None:
        return said.seq <= floors[said.is_package]
    return not any(
        other.is_package == said.is_package
        and other.acknowledged_at is not None
        and other.acknowledged_at < said.sent_at
        for other in found
    )


def _check_order(name: str, found: list[Said]) -> None:
    last: dict[str, Said] = {}
    for said in found:
        before = last.get(said.publisher)
        if before is not None and before.number >= said.number:
            raise Loss(
                f"{name}: {said.publisher} said {said.shown} before {before.shown}, kept is the reverse"
            )
        last[said.publisher] = said
    first: Said | None = None  # acknowledged, of all that stand behind
    for said in reversed(found):
        if first is not None and first.acknowledged_at < said.sent_at:  # type: ignore[operator]
            raise Loss(
                f"{name}: {first.shown} was acknowledged before {said.shown} was sent, and is behind it"
            )
        acknowledged_at = said.acknowledged_at
        if acknowledged_at is not None and (first is None or acknowledged_at < first.acknowledged_at):  # type: ignore[operator]
            first = said
