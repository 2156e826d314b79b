"""Metrics: sessions and backlogs, and message rates and latency while somebody watches.

A connection counts its messages; all else is computed on request. A rate compares two samples of the counts.
The latency is that of the probe's messages.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from heapq import nsmallest
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chateau import __version__
from chateau.net.connection import SocketConnection
from chateau.protocols.admin import session_row

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterator

    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.net.connection import Connection
    from chateau.net.connection_group import ConnectionGroup
    from chateau.protocols.transport import Outbox

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


# Latency

PROBE_SECONDS: Final = 0.1
SAMPLES: Final = 50
"""Samples that are stored: those of 5 seconds."""

MESSAGE: Final = bytes((0x81, 0x80 | 5, 0, 0, 0, 0)) + b"probe"
"""A client's text frame, with a mask of zeros."""

ECHO_BYTES: Final = len(MESSAGE) - 4
"""The server's frames have no mask."""


class Probe:
    """Measures the latency of a message, from its arrival in the server to its departure, while started.

    A client inside the server sends a message ten times per second to a connection like all others, which
    echoes it. These messages take the whole path (poller, decoder, peer, outbox, send) and wait as others do.
    The probe has no session, is in no room, and is not listed.
    """

    def __init__(self, group: ConnectionGroup, *, clock: Callable[[], float]) -> None:
        """*group* is that of the probe's connection, *clock* returns seconds.

        If the group does not take sockets, nothing is measured.
        """
        self._group = group
        self._clock = clock
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._sent: deque[float] = deque()  # when the messages were sent that have not been echoed yet
        self._client: socket.socket | None = None
        self._connection: SocketConnection | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure."""
        if not self._group.takes_sockets:
            return
        self._client, server = socket.socketpair()
        self._client.setblocking(False)
        server.setblocking(False)
        connection = self._connection = SocketConnection(self._group, server)
        connection.open(_EchoPeer, "", 0)
        self._group.connections.discard(connection)  # so that it is not listed, pinged or waited for
        self._group.limits.remove(connection)
        connection.write = self._timed(connection.write)
        self._send_next()

    def stop(self) -> None:
        """Stop measuring, and discard the samples."""
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connection.abort()
        if self._client is not None:
            self._client.close()
        self._client = self._connection = self._timer = None
        self._samples.clear()
        self._sent.clear()

    def latency(self) -> dict[str, float] | None:
        """Return percentiles of the last 5 seconds in milliseconds; None without samples."""
        if not self._samples:
            return None
        ordered = sorted(self._samples)
        return {"p50": _at(ordered, 0.5), "p99": _at(ordered, 0.99), "max": _at(ordered, 1.0)}

    def _send_next(self) -> None:
        assert self._client is not None
        self._timer = self._group.loop.call_later(PROBE_SECONDS, self._send_next)
        with suppress(OSError):  # nothing has been echoed
            self._client.recv(4096)
        with suppress(OSError):
            sent_at = self._clock()
            self._client.send(MESSAGE)
            self._sent.append(sent_at)

    def _timed(self, write: Callable[[bytes], int]) -> Callable[[bytes], int]:
        """Return *write* with a sample of the time that each echo took."""

        def timed_write(batch: bytes) -> int:
            sent = write(batch)
            now = self._clock()
            for _ in range(min(sent // ECHO_BYTES, len(self._sent))):  # a busy server echoes several at once
                self._samples.append(now - self._sent.popleft())
            return sent

        return timed_write


class _EchoPeer:
    """Sends back each text."""

    session: Any = None

    def __init__(self, outbox: Outbox, _address: str, _port: int) -> None:
        self._outbox = outbox

    def on_open(self) -> None:
        pass

    def on_excess(self, message: str | bytes) -> None:
        pass

    def on_text(self, text: str) -> None:
        self._outbox.send(text.encode())

    def on_binary(self, payload: bytes) -> None:
        pass

    def on_close(self) -> None:
        pass


def _at(ordered: list[float], share: float) -> float:
    """Return the sample that *share* of all do not exceed, in milliseconds."""
    return round(1000 * ordered[ceil(share * len(ordered)) - 1], 3)
