"""Figures: who is connected, what waits for whom, and, while somebody measures, how much they say.

A connection counts its messages; nothing else is done for a figure until one is asked for. To measure is
to compare two looks at these counts.
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


class Look(NamedTuple):
    """The counts of messages at one moment: in all since the server started, and of each connection."""

    at: float
    total: int
    received: dict[Connection, int]


class Figures:
    """What the house can tell of itself."""

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
        """*published* counts requests to publish by HTTP; *is_tapped* knows sessions by their ids.

        *clock* gives seconds that never go back, *now* the time as RFC 3339.
        """
        self._hub = hub
        self._groups = groups
        self._published = published
        self._is_tapped = is_tapped
        self._clock = clock
        self._now = now
        self._started_at = clock()
        self._before: Look | None = None
        self._after: Look | None = None

    # Measuring

    def measure(self) -> None:
        """Look at the counts; what is told of rates is of the time between the last two looks."""
        received = {connection: connection.received for connection in self._connections()}
        ended = sum(group.received_before for group in self._groups)
        total = ended + sum(received.values()) + self._published()
        self._before, self._after = self._after, Look(self._clock(), total, received)

    def stop_measuring(self) -> None:
        """Forget all looks."""
        self._before = self._after = None

    def _pace(self) -> float | None:
        """Messages a second from all together."""
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

    # Telling

    def harness(self, latency: Frame | None) -> Frame:
        """The house as a whole; *latency* is measured elsewhere."""
        return {
            "time": self._now(),
            "version": __version__,
            "uptime_seconds": round(self._clock() - self._started_at, 1),
            "sessions": self._hub.session_count(),
            "usernames": len(self._hub.usernames()),
            "rooms": len(self._hub.rooms.by_key),
            "messages_per_second": self._pace(),
            "latency_ms": latency,
            "outbox_bytes": sum(connection.backlog_bytes for connection in self._connections()),
        }

    def sessions(self, limit: int) -> Frame:
        """The busiest *limit* sessions, and how many there are."""
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
