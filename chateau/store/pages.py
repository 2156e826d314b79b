"""What all stores have in common: the streams of a room, what is too old, and how a page is made.

A room's records lie in three streams, each with a limit of its own. Of a stream it is always the oldest
records that go, so one mark, the last record that is gone, says all about those that are missing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from chateau.hub.events import JoinRecord, Publication, RoomMessage
from chateau.hub.ports import Page
from chateau.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chateau.hub.events import StoredRecord

MESSAGES, PACKAGES, ARRIVALS = STREAMS = range(3)
HOLDING = (MESSAGES, PACKAGES)
"""The streams whose records keep a room from being forgotten."""

STREAM_OF: dict[type, int] = {RoomMessage: MESSAGES, Publication: PACKAGES, JoinRecord: ARRIVALS}
RECORD_OF: tuple[Callable[..., StoredRecord], ...] = (RoomMessage, Publication, JoinRecord)

SWEEP_SECONDS = 3600.0
"""How often what is too old is looked for, to be deleted; until then it is only not read."""

by_seq = attrgetter("seq")
by_time = attrgetter("time")


class Mark(NamedTuple):
    """A record, known by where it was: all that is remembered of the last one that is gone."""

    seq: int
    time: str


NOTHING = Mark(0, "")
"""The mark of a stream of which nothing is gone."""


class Limits:
    """How many records each stream of a room keeps, and since when."""

    __slots__ = ("_clock", "_max_age", "counts")

    def __init__(
        self, *, history: int, channel_history: int, max_age_seconds: float | None, clock: Callable[[], float]
    ) -> None:
        """*clock* returns seconds since 1970, UTC."""
        self.counts = (history, channel_history, history)
        self._max_age = max_age_seconds
        self._clock = clock

    def oldest(self) -> str:
        """The earliest time of which something is kept now; empty, which is before all times, if any is."""
        if self._max_age is None:
            return ""
        return rfc3339(datetime.fromtimestamp(max(self._clock() - self._max_age, 0), UTC))

    @property
    def has_age(self) -> bool:
        return self._max_age is not None


class Question(NamedTuple):
    """What a reader asks for; see :meth:`chateau.hub.ports.Store.read`."""

    since: int | None
    start: str | None
    end: str | None
    limit: int

    @property
    def keeps_first(self) -> bool:
        """Whether it is the last records that are cut where there are too many, not the first."""
        return self.since is not None or self.start is not None

    def misses(self, gone: Mark, began: str) -> bool:
        """Whether it asks for something of a stream that *began* at a time and is gone up to *gone*."""
        return (
            gone != NOTHING
            and (self.since is None or gone.seq > self.since)
            and (self.start is None or gone.time >= self.start)
            and (self.end is None or began <= self.end)
        )


class Part(NamedTuple):
    """What a stream has for a page: all of it, or more than the page can take."""

    records: Sequence[StoredRecord]
    is_missing: bool


def make_page(question: Question, parts: Sequence[Part]) -> Page:
    """The answer to *question*, put together from all streams that it is about."""
    if len(parts) == 1:
        found = list(parts[0].records)
    else:
        found = sorted((record for part in parts for record in part.records), key=by_seq)
    excess = len(found) - question.limit
    if excess > 0:
        found = found[: question.limit] if question.keeps_first else found[excess:]
    return Page(found, complete=excess <= 0 and not any(part.is_missing for part in parts))


def streams_asked(*, joins: bool) -> Sequence[int]:
    return STREAMS if joins else HOLDING
