"""What the hub needs from outside, and what it may rely on there.

Every port is a ``Protocol``: a class that has the methods is a backend, whatever it inherits. Each
backend of a port passes the same contract suite in tests/.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chateau.hub.events import Event, StoredRecord
    from chateau.hub.session import Session

NormalizeName = Callable[[str], str]
"""A name's form for comparison: equal forms are one name. Raises ValueError, with the reason, for no name."""

MessageIdGenerator = Callable[[], tuple[str, str]]
"""A new message's id and time. Ids sort in the order in which they were minted; times never go back."""

Clock = Callable[[], float]
"""Seconds that never go back, from no particular start."""

CallLater = Callable[[float, Callable[[], None]], object]
"""Calls the function once, after that many seconds."""


class Commit(Protocol):
    """A write on its way to where it lasts. ``asyncio.Future`` is one, as long as nobody cancels it."""

    def done(self) -> bool:
        """Whether it is decided: lasting, or failed."""

    def exception(self) -> BaseException | None:
        """Why it failed; None when it lasts. Only once it is done."""

    def add_done_callback(self, callback: Callable[..., object], /) -> None:
        """Call *callback* with this commit when it is done, never from inside this call."""


class EventSink(Protocol):
    """A protocol, as the hub sees it: the way to all the sessions that speak it."""

    @property
    def name(self) -> str:
        """What the protocol is called, to be told to people: ``chateau``, ``lines``."""

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Tell *sessions*, all of this protocol, of *event*.

        Called once an event, with everyone who is to hear of it, so that it is encoded once. It must
        not call the hub back and must not raise; *sessions* may change when it has returned.
        """


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what a room keeps, oldest first; *complete* when it is all that was asked for."""

    messages: list[StoredRecord]
    complete: bool


class Store(Protocol):
    """Where the rooms' messages, packages and arrivals are kept. *key* is the form of a room's name.

    Each of the three has a limit of its own a room, and those older than the store's age go, too.
    """

    def next_seq(self, key: str) -> int:
        """A number for the room's next record, higher than all that it gave out before, at least 1.

        Also higher than those that it gave out before it was closed or the process was killed.
        """

    def append(self, key: str, record: StoredRecord) -> Commit | None:
        """Keep *record*; readable at once. None when it lasts already as long as this store does.

        A room's records come with rising seqs and with times that never fall. Several records may have
        one commit.

        Raises:
            Unavailable: it cannot be kept now; nothing of it was kept.
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
    ) -> Page:
        """The room's messages and packages, and, where asked for, arrivals, in the order of their seqs.

        Those with a seq after *since* and a time from *start* to *end*, both included. Where *limit* cuts,
        *since* or *start* keep the first ones, otherwise the last ones stay. The page is incomplete when
        *limit* cut it, or when something that was asked for is no longer kept. Times are written as
        :data:`MessageIdGenerator` writes them.

        Raises:
            Unavailable: it cannot be read now.
        """

    def rooms(self) -> Iterable[tuple[str, str]]:
        """The key and the name of every room that has a message or a package kept."""

    def holds(self, key: str) -> bool:
        """Whether the room has a message or a package kept."""

    def erase(self, key: str) -> Commit | None:
        """Keep nothing of the room any more; its numbers go on rising. None when that lasts already.

        A page that asks for what was erased is incomplete.

        Raises:
            Unavailable: it cannot be done now; nothing was erased.
        """


class Cluster(Protocol):
    """The other nodes of the house. What one node announces reaches all of them, itself included."""

    def subscribe(self, deliver: Callable[[Event], None]) -> None:
        """Have *deliver* called with every event that any node announces, in each one's order."""

    @property
    def announce(self) -> Callable[[Event], None]:
        """Tells every node of an event, once. To be had once there is a subscriber."""

    def claim(self, key: str) -> bool:
        """Take the name with the form *key* for this node; False when another one holds it."""

    def release(self, key: str) -> None:
        """Give a claimed name back."""
