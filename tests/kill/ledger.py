"""Record the messages that were sent and acknowledged, and check the server's history against them.

The ledger's clock counts events: a message that was acknowledged before another one was sent must precede it
in the history. A violation raises :class:`Loss`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

CHANNEL = "channel"
SHOWN = 5
"""Number of lost messages that an error names."""

Record = dict[str, Any]
"""A message in the history of the chateau protocol."""


class Loss(AssertionError):
    """The server lost, repeated or reordered messages."""


@dataclass(slots=True, eq=False)
class Message:
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
    """The message of a seq."""

    id: str
    sender: str
    content: str


class _Room:
    def __init__(self) -> None:
        self.sent: dict[str, Message] = {}
        self.acknowledged: list[Message] = []
        self.numbers: dict[int, Numbered] = {}
        self.ids: dict[str, int] = {}
        self.stored: list[int] = []  # the seqs that a check has found
        # Since the last check:
        self.new_acknowledged: list[Message] = []
        self.new_numbers: list[int] = []
        self.checked_to = 0
        self.used_up = 0  # the highest seq before the last check


class Ledger:
    """The messages of all rooms.

    *retained* is the server's limit of stored messages and packages per room. If the disk *may_be_full*,
    publishes may be rejected, and messages that were received need not be stored.
    """

    def __init__(self, *, retained: int | None = None, may_be_full: bool = False) -> None:
        self._retained = retained
        self.may_be_full = may_be_full
        self._clock = count(1)
        self._rooms: dict[str, _Room] = {}
        self.unchecked: set[str] = set()  # rooms with messages since their last check
        self.at_acknowledgement: Callable[[], object] | None = None  # called once, at the next one
        self.sent = 0
        self.acknowledged = 0
        self.refused = 0
        self.verified = 0  # acknowledged messages found by a check of the whole history

    @property
    def rooms(self) -> list[str]:
        """Every room with messages."""
        return list(self._rooms)

    def checked_to(self, room: str) -> int:
        """Return the last seq that :meth:`check` has seen."""
        return self._room(room).checked_to

    def last_number(self, room: str) -> int:
        """Return the highest seq that was received."""
        return max(self._room(room).numbers, default=0)

    def received_but_not_stored(self, room: str) -> list[str]:
        """Return the messages that members received and no check has found."""
        noted = self._room(room)
        return [noted.numbers[seq].content for seq in sorted(noted.numbers.keys() - set(noted.stored))]

    # Notes

    def note_sent(
        self, room: str, publisher: str, number: int, content: str, *, is_package: bool = False
    ) -> Message:
        """Record that *publisher* is about to send *content*."""
        message = Message(room, publisher, number, content, is_package, next(self._clock))
        self._room(room).sent[content] = message
        self.unchecked.add(room)
        self.sent += 1
        return message

    def acknowledge(self, message: Message, *, seq: int | None = None, id_: str | None = None) -> None:
        """Record that the server has acknowledged *message*, with its seq and id if the protocol has them."""
        call, self.at_acknowledgement = self.at_acknowledgement, None
        if call is not None:
            call()
        message.acknowledged_at = next(self._clock)
        room = self._room(message.room)
        room.acknowledged.append(message)
        room.new_acknowledged.append(message)
        self.acknowledged += 1
        if seq is not None and id_ is not None:
            self._is_new(message.room, seq)
            self._number(message.room, seq, Numbered(id_, message.publisher, message.content))

    def note_received(self, record: Record) -> None:
        """Record that a member of a room received *record*."""
        self._is_new(record["room"], record["seq"])
        self._note(record)

    def _is_new(self, name: str, seq: int) -> None:
        used_up = self._room(name).used_up
        if seq <= used_up:
            raise Loss(f"{name}: a new message has the number {seq}, but {used_up} was used before")

    def _note(self, record: Record) -> None:
        numbered = Numbered(record["id"], record["sender"], record["content"])
        self._number(record["room"], record["seq"], numbered)

    def _number(self, name: str, seq: int, numbered: Numbered) -> None:
        """Record that *seq* is the number of *numbered*; it must not change."""
        room = self._room(name)
        known = room.numbers.get(seq)
        if known is None:
            if numbered.id in room.ids:
                raise Loss(f"{name}: {numbered} is both {room.ids[numbered.id]} and {seq}")
            room.numbers[seq] = numbered
            room.ids[numbered.id] = seq
            room.new_numbers.append(seq)
        elif known != numbered:
            raise Loss(f"{name}: seq {seq} is both {known} and {numbered}")
        message = room.sent.get(numbered.content)
        if message is None:
            raise Loss(f"{name}: {numbered} with seq {seq} was never sent")
        if message.seq not in (None, seq):
            raise Loss(f"{name}: {message.shown} is repeated with seq {seq}")
        message.seq = seq

    # The check

    def check(self, name: str, records: list[Record], *, whole: bool = False) -> None:
        """Check *records*, all since the last check or the *whole* history, against the recorded messages."""
        room = self._room(name)
        since = 0 if whole else room.checked_to
        seqs = [record["seq"] for record in records]
        if any(later <= earlier for earlier, later in zip([since, *seqs], seqs, strict=False)):
            raise Loss(f"{name}: the seqs do not rise, from {since} on: {seqs}")
        for record in records:
            if record["room"] != name:
                raise Loss(f"{name}: its history has a message of another room: {record}")
            self._note(record)
        found = [room.sent[record["content"]] for record in records]
        floors = {is_package: self._floor(records, is_package, since) for is_package in (True, False)}
        self._check_missing(name, room.acknowledged if whole else room.new_acknowledged, found, floors)
        # Received messages may be lost with the process, but not before a stored one.
        if whole or not self.may_be_full:
            self._check_holes(name, room.stored if whole else room.new_numbers, seqs, floors)
        _check_order(name, found)
        room.stored = seqs if whole else room.stored + seqs
        if whole:
            self.verified += sum(message.acknowledged_at is not None for message in found)
        room.new_acknowledged, room.new_numbers = [], []
        self.unchecked.discard(name)
        room.checked_to = max([since, *seqs])
        room.used_up = max(room.numbers, default=0)

    def _floor(self, records: list[Record], is_package: bool, since: int) -> int:
        """Return the seq above which no message, or no package, may be missing."""
        seqs = [record["seq"] for record in records if (record["sender"] == CHANNEL) == is_package]
        if self._retained is None or len(seqs) < self._retained:
            return since
        if len(seqs) > self._retained:
            raise Loss(f"{records[0]['room']}: {len(seqs)} are stored; the limit is {self._retained}")
        return int(seqs[0]) - 1

    def _check_missing(
        self, name: str, acknowledged: list[Message], found: list[Message], floors: dict[bool, int]
    ) -> None:
        present = set(found)
        missing = [message for message in acknowledged if message not in present]
        if self._retained is not None:
            missing = [message for message in missing if not _may_be_gone(message, found, floors)]
        if missing:
            shown = ", ".join(message.shown for message in missing[:SHOWN])
            raise Loss(f"{name}: {len(missing)} acknowledged message(s) are not in the history: {shown}")

    def _check_holes(self, name: str, received: list[int], seqs: list[int], floors: dict[bool, int]) -> None:
        stored, numbers = set(seqs), self._room(name).numbers
        last = seqs[-1] if seqs else 0
        holes = [
            seq
            for seq in received
            if floors[numbers[seq].sender == CHANNEL] < seq <= last and seq not in stored
        ]
        if holes:
            shown = ", ".join(f"{seq} {numbers[seq].content[:40]}" for seq in holes[:SHOWN])
            raise Loss(f"{name}: {len(holes)} message(s) are missing before the last, {last}: {shown}")

    def _room(self, name: str) -> _Room:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room()
        return room


def _may_be_gone(message: Message, found: list[Message], floors: dict[bool, int]) -> bool:
    """Return whether acknowledged *message* may have been trimmed: no stored one may precede it."""
    if message.seq is not None:
        return message.seq <= floors[message.is_package]
    return not any(
        other.is_package == message.is_package
        and other.acknowledged_at is not None
        and other.acknowledged_at < message.sent_at
        for other in found
    )


def _check_order(name: str, found: list[Message]) -> None:
    last: dict[str, Message] = {}
    for message in found:
        before = last.get(message.publisher)
        if before is not None and before.number >= message.number:
            raise Loss(
                f"{name}: {message.publisher} sent {message.shown} before {before.shown}, stored after it"
            )
        last[message.publisher] = message
    first: Message | None = None  # the first acknowledgement among the later messages
    for message in reversed(found):
        if first is not None and first.acknowledged_at < message.sent_at:  # type: ignore[operator]
            raise Loss(
                f"{name}: {first.shown} was acknowledged before {message.shown} was sent, stored after it"
            )
        acknowledged_at = message.acknowledged_at
        if acknowledged_at is not None and (first is None or acknowledged_at < first.acknowledged_at):  # type: ignore[operator]
            first = message
