"""Ports: what the hub requires from outside, and what it may rely on.

Every port is a ``Protocol``: a class with the same methods is a backend. All backends of a port pass the same
contract suite in tests/.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from chateau.hub.events import Event, StoredRecord
    from chateau.hub.session import Session

NormalizeName = Callable[[str], str]
"""Return the normalized form of a name; equal forms are one name. Raises ValueError, with the reason.

Callers check the length of the name first.
"""

Scripts = frozenset[str] | None
"""The scripts that a name is written in; None if it may be any, empty if it mixes scripts."""


class Look(NamedTuple):
    """How a name looks. Two names with a common skeleton look alike."""

    skeletons: tuple[str, ...]
    scripts: Scripts


LookOf = Callable[[str, str], Look]
"""Return how a name looks, from the name and its normalized form."""

MessageIdGenerator = Callable[[], tuple[str, str]]
"""Return the id and time of a new message. Ids sort in the order of the calls; times never decrease."""

Clock = Callable[[], float]
"""Return seconds since an arbitrary start; never decreases."""

CallLater = Callable[[float, Callable[[], None]], object]
"""Call the function once, after that many seconds."""


class Commit(Protocol):
    """A write that is not yet durable. ``asyncio.Future`` is one, as long as nobody cancels it."""

    def done(self) -> bool:
        """Return whether the write has succeeded or failed."""

    def exception(self) -> BaseException | None:
        """Return why the write failed, or None if it succeeded. Call it only when done."""

    def add_done_callback(self, callback: Callable[..., object], /) -> None:
        """Call *callback* with this commit when it is done, but never from inside this call."""


class EventSink(Protocol):
    """A protocol, as the hub uses it: delivers events to all sessions of that protocol."""

    @property
    def name(self) -> str:
        """The name of the protocol, for people: ``chateau``, ``lines``."""

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Deliver *event* to *sessions*, all of this protocol.

        Called once per event, so that the event is encoded once. It must not call the hub and must not
        raise; *sessions* may change after it has returned.
        """


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a room's stored records, oldest first; *complete* if nothing that matches is missing.

    What is missing was excluded by a limit (*has_more*), or is no longer stored (*has_gap*).
    """

    messages: list[StoredRecord]
    complete: bool
    has_more: bool = field(default=False, compare=False)
    has_gap: bool = field(default=False, compare=False)


class Store(Protocol):
    """Where the messages, publications and joins of rooms are stored. *key* is a room's normalized name.

    Each of the three has its own limit per room, and records older than the store's maximum age are
    deleted.
    """

    def next_seq(self, key: str) -> int:
        """Return a seq for the room's next record: at least 1, and higher than all previous ones.

        This includes the seqs returned before the store was closed or the process was killed.
        """

    def append(self, key: str, record: StoredRecord) -> Commit | None:
        """Store *record*; it can be read at once. Return None if it needs no further write.

        The records of a room must have rising seqs, and times that never decrease. Several records may
        share one commit.

        Raises:
            Unavailable: the record cannot be stored now; nothing has changed.
        """

    def read(
        self,
        key: str,
        *,
        since: int | None,
        start: str | None,
        end: str | None,
        limit: int,
        joins: bool = False,
        before: int | None = None,
        max_bytes: int | None = None,
    ) -> Page:
        """Return the room's messages and publications, with *joins* also its joins, ordered by seq.

        A record matches if its seq is greater than *since* and less than *before*, and its time is from
        *start* to *end*, both included; times are formatted as by :data:`MessageIdGenerator`. If more than
        *limit* records match, or than about *max_bytes* of their texts, return the first ones if there is a
        *since* or *start*, otherwise the last ones, and at least one. The page is incomplete if a limit
        excludes records, or if a matching record is no longer stored.

        Raises:
            Unavailable: the records cannot be read now.
        """

    def rooms(self) -> Iterable[tuple[str, str]]:
        """Return the key and name of every room that has a stored message or publication."""

    def holds(self, key: str) -> bool:
        """Return whether the room has a stored message or publication."""

    def erase(self, key: str) -> Commit | None:
        """Delete all records of the room; its seqs continue. Return None if that needs no further write.

        A page that would contain an erased record is incomplete.

        Raises:
            Unavailable: the records cannot be deleted now; nothing has changed.
        """

    def why_read_only(self) -> str | None:
        """Return why records cannot be stored now, in one sentence; None if they can.

        After a failure, this finds out whether the store works again, even if nothing is appended meanwhile.
        """

    async def settle(self) -> None:
        """Wait until everything appended so far is durable, or known to have failed."""

    def close(self) -> None:
        """Write what is pending, and release all resources; blocks. Idempotent."""
