"""What all stores share: the streams of a room, how long records are stored, and how a page is made.

The records of a room are in three streams, each with a limit of its own. A stream always loses its oldest
records first, so one position, that of the last lost record, describes everything that is missing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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

_CONTENTS = ("content", "payload", "username")
RECORD_BYTES = 150
"""Size of a record without its content: sender, id, time and so on."""

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
    before: int | None = None
    max_bytes: int | None = None

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
            and (self.before is None or self.before > 1)
            and (self.end is None or began <= self.end)
        )


class Segment(NamedTuple):
    """The records of one stream for a page: all that match, or more than the page's limit.

    Where it *is_cut*, there are more at its far end, and there is at least one.
    """

    records: Sequence[StoredRecord]
    has_gap: bool
    is_cut: bool = False


def make_page(query: HistoryQuery, segments: Sequence[Segment]) -> Page:
    """Return the page for *query*, merged from the *segments* of all streams that it reads."""
    if len(segments) == 1:
        found = list(segments[0].records)
    else:
        found = sorted((record for segment in segments for record in segment.records), key=by_seq)
    cuts = [segment.records for segment in segments if segment.is_cut]
    if query.is_forward:
        horizon = min((records[-1].seq for records in cuts), default=None)
        matching = found if horizon is None else found[: bisect_right(found, horizon, key=by_seq)]
        page = _first_fitting(matching, query)
    else:
        horizon = max((records[0].seq for records in cuts), default=None)
        matching = found if horizon is None else found[bisect_left(found, horizon, key=by_seq) :]
        page = _first_fitting(matching[::-1], query)[::-1]
    has_more = bool(cuts) or len(page) < len(matching)
    has_gap = any(segment.has_gap for segment in segments)
    return Page(page, not has_more and not has_gap, has_more, has_gap)


def _first_fitting(records: list[StoredRecord], query: HistoryQuery) -> list[StoredRecord]:
    """Return the first of *records* within the limits of *query*, at least one."""
    if query.max_bytes is None:
        return records[: query.limit]
    size = 0
    for number, record in enumerate(records[: query.limit]):
        size += record_size(record)
        if size > query.max_bytes and number:
            return records[:number]
    return records[: query.limit]


def record_size(record: StoredRecord) -> int:
    """Return about how many bytes *record* has as text."""
    return RECORD_BYTES + len(getattr(record, _CONTENTS[STREAM_OF[type(record)]]))


def streams_to_read(*, joins: bool) -> Sequence[int]:
    """Return the streams that a page is made from."""
    return STREAMS if joins else RETAINING_STREAMS
