"""Metrics: sessions, backlogs, and message rates while somebody watches.

A connection counts its messages; all else is computed on request. A rate compares two samples of the counts.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Any, NamedTuple

from chateau import __version__
from chateau.protocols.admin import session_row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.net.connection import Connection
    from chateau.net.connection_group import ConnectionGroup

Frame = dict[str, Any]


class Sample(NamedTuple):
    """The numbers of messages at one moment: in total since the server started, and per connection."""

    at: float
    total: int
    received: dict[Connection, int]


class Metrics:
    """Metrics of the server and its sessions."""

    def __init__(
        self,
        hub: Hub,
        groups: Collection[ConnectionGroup],
        *,
        published: Callable[[], int],
        is_tapped: Callable[[str], bool],
        clock: Callable[[], float],
        now: Callable[[], str],
    ) -> None:
        """*published* returns the number of publishes over HTTP; *is_tapped* takes the id of a session.

        *clock* returns monotonic seconds, *now* the time as RFC 3339.
        """
        self._hub = hub
        self._groups = groups
        self._published = published
        self._is_tapped = is_tapped
        self._clock = clock
        self._now = now
        self._started_at = clock()
        self._before: Sample | None = None
        self._after: Sample | None = None

    # Sampling

    def sample(self) -> None:
        """Sample counters; rates cover the interval between the last two samples."""
        received = {connection: connection.received for connection in self._connections()}
        ended = sum(group.received_before for group in self._groups)
        total = ended + sum(received.values()) + self._published()
        self._before, self._after = self._after, Sample(self._clock(), total, received)

    def reset(self) -> None:
        """Discard the samples."""
        self._before = self._after = None

    def _total_rate(self) -> float | None:
        """Return the messages per second of all connections together."""
        before, after = self._before, self._after
        if before is None or after is None:
            return None
        return round((after.total - before.total) / (after.at - before.at), 1)

    def _rate(self, connection: Connection) -> float | None:
        before, after = self._before, self._after
        if before is None or after is None:
            return None
        count = after.received.get(connection, 0) - before.received.get(connection, 0)
        return round(count / (after.at - before.at), 1)

    # Reports

    def server(self, latency: Frame | None) -> Frame:
        """Return the metrics of the server as a whole, with *latency*."""
        return {
            "time": self._now(),
            "version": __version__,
            "uptime_seconds": round(self._clock() - self._started_at, 1),
            "sessions": self._hub.session_count(),
            "usernames": len(self._hub.usernames()),
            "rooms": len(self._hub.rooms.by_key),
            "messages_per_second": self._total_rate(),
            "latency_ms": latency,
            "outbox_bytes": sum(connection.backlog_bytes for connection in self._connections()),
        }

    def sessions(self, limit: int) -> Frame:
        """Return the busiest *limit* sessions, and the number of all."""
        found = [
            (self._rate(connection), session, connection)
            for connection in self._connections()
            if (session := connection.session) is not None and self._hub.session(session.id) is session
        ]
        busiest = nsmallest(limit, found, key=lambda row: (-(row[0] or 0.0), int(row[1].id)))
        return {"sessions": [self._row(*row) for row in busiest], "total": len(found)}

    def _row(self, rate: float | None, session: Session, connection: Connection) -> Frame:
        return session_row(
            session,
            received=connection.received,
            rate=rate,
            outbox_bytes=connection.backlog_bytes,
            tapped=self._is_tapped(session.id),
        )

    def _connections(self) -> Iterator[Connection]:
        for group in self._groups:
            yield from group.connections
