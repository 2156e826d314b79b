"""What all stores share: the streams of a room, how long records are stored, and how a page is made.

The records of a room are in three streams, each with a limit of its own. A stream always loses its oldest
records first, so one position, that of the last lost record, describes everything that is missing.
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

MESSAGES, PUBLICATIONS, JOINS = STREAMS = range(3)
RETAINING_STREAMS = (MESSAGES, PUBLICATIONS)
"""A room exists as long as one of these streams has a record."""

STREAM_OF: dict[type, int] = {RoomMessage: MESSAGES, Publication: PUBLICATIONS, JoinRecord: JOINS}
RECORD_OF: tuple[Callable[..., StoredRecord], ...] = (RoomMessage, Publication, JoinRecord)

SWEEP_SECONDS = 3600.0
"""Interval between deletions of records that are too old; until then they are only not read."""

by_seq = attrgetter("seq")
by_time = attrgetter("time")


class StreamPosition(NamedTuple):
    """The seq and time of a record."""

    seq: int
    time: str


ORIGIN = StreamPosition(0, "")
"""The position before the first record."""


def position_of(record: StoredRecord) -> StreamPosition:
    """Return the position of *record*."""
    return StreamPosition(record.seq, record.time)


class Limits:
    """How many records each stream of a room stores, and for how long."""

    def __init__(
        self, *, history: int, channel_history: int, max_age_seconds: float | None, clock: Callable[[], float]
    ) -> None:
        """*clock* returns seconds since 1970, UTC."""
        self.counts = (history, channel_history, history)
        self.has_age = max_age_seconds is not None
        self._max_age = max_age_seconds
        self._clock = clock

    def oldest(self) -> str:
        """Return the time before which records are too old; without an age limit "", the earliest of all."""
        if self._max_age is None:
            return ""
        return rfc3339(datetime.fromtimestamp(max(self._clock() - self._max_age, 0), UTC))


class HistoryQuery(NamedTuple):
    """The arguments of :meth:`chateau.hub.ports.Store.read`."""

    since: int | None
    start: str | None
    end: str | None
    limit: int

    @property
    def is_forward(self) -> bool:
        """Whether the limit selects the first records; otherwise it selects the last ones."""
        return self.since is not None or self.start is not None

    def includes_lost(self, lost: StreamPosition, began: str) -> bool:
        """Return whether records match that a stream, begun at time *began*, lost up to position *lost*."""
        return (
            lost != ORIGIN
            and (self.since is None or lost.seq > self.since)
            and (self.start is None or lost.time >= self.start)
            and (self.end is None or began <= self.end)
        )


class Segment(NamedTuple):
    """The records of one stream for a page: all that match, or more than the page's limit."""

    records: Sequence[StoredRecord]
    is_incomplete: bool


def make_page(query: HistoryQuery, segments: Sequence[Segment]) -> Page:
    """Return the page for *query*, merged from the *segments* of all streams that it reads."""
    if len(segments) == 1:
        found = list(segments[0].records)
    else:
        found = sorted((record for segment in segments for record in segment.records), key=by_seq)
    excess = len(found) - query.limit
    if excess > 0:
        found = found[: query.limit] if query.is_forward else found[excess:]
    return Page(found, complete=excess <= 0 and not any(segment.is_incomplete for segment in segments))


def streams_to_read(*, joins: bool) -> Sequence[int]:
    """Return the streams that a page is made from."""
    return STREAMS if joins else RETAINING_STREAMS
