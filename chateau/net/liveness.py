"""Liveness: which clients are still there.

Something is sent on every connection within each ``--ping`` interval: a ping, a comment on event streams, or
a TCP keepalive probe, where bytes would disturb. So proxies and routers keep the connection, and a client
that has vanished without a sign is noticed, since nothing confirms what it is sent.

Where the client's machine is the TCP peer, and the system reports it (Linux), a client is alive while its TCP
acknowledges, even if the program sends no pong and reads nothing: it may wait for the keyboard. One that
never reads again is ended by ``--max-outbox``. A TCP peer from which no acknowledgement has come for two
intervals is gone. Elsewhere, pongs decide: behind a proxy, the TCP peer is the proxy.

``TCP_USER_TIMEOUT`` would end clients whose receive window is full, and who are alive.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from chateau.net import frames

if TYPE_CHECKING:
    from collections.abc import Collection

    from chateau.net.connection import Connection
    from chateau.net.connection_group import ConnectionGroup

log = logging.getLogger(__name__)

INTERVALS: Final = 2
"""After how many intervals without a sign of life a client is gone."""

SHORTEST_SECONDS: Final = 1.0
"""The shortest interval without an acknowledgement: keepalive probes are sent after whole seconds."""

CHECKED_AT_ONCE: Final = 100
"""How many connections are checked before the event loop continues: about a millisecond, with the pings."""

PROBES: Final = 5
"""How many keepalive probes are sent in an interval without an acknowledgement, if it is long enough."""


async def keep_alive(groups: Collection[ConnectionGroup], interval_seconds: float) -> None:
    """Ping the clients in *groups* at every interval, and close those who are gone, until cancelled."""
    loop = asyncio.get_running_loop()
    sweep_at = loop.time()
    while True:
        sweep_at = max(sweep_at + interval_seconds, loop.time())
        await asyncio.sleep(sweep_at - loop.time())
        connections = [connection for group in groups for connection in group.connections]
        for number, connection in enumerate(connections, start=1):
            check_liveness(connection, interval_seconds)
            if number % CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)


async def end_stalled(groups: Collection[ConnectionGroup], seconds: float) -> None:
    """End each client whose message is not whole after *seconds*, twice that at most, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        connections = [connection for group in groups for connection in group.connections]
        for number, connection in enumerate(connections, start=1):
            if connection.has_stalled():
                log.info("a client has timed out: its message is not whole")
                connection.end_stalled()
            if number % CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)


def check_liveness(connection: Connection, interval_seconds: float) -> None:
    """Ping *connection*, or close it if the client is gone. To be called once per interval."""
    if connection.is_ending:  # it has its own time limit
        return
    connection.unanswered = connection.unanswered + 1 if _lacks_answer(connection, interval_seconds) else 0
    if connection.unanswered >= INTERVALS:
        log.info("a client is gone: no sign of life for %d ping intervals", INTERVALS)
        connection.disconnect(frames.POLICY_VIOLATION, "ping timeout")
    elif connection.group.framing.ping:
        connection.ping()


def _lacks_answer(connection: Connection, interval_seconds: float) -> bool:
    """Return whether an interval has passed without a sign of life: by TCP where it decides, else of data."""
    has_pongs = connection.group.framing.is_answered
    peer = tcp_peer(connection.sock) if connection.is_direct or not has_pongs else None
    if peer is not None:
        return peer.owes_answer and peer.silent_seconds >= max(interval_seconds, SHORTEST_SECONDS)
    is_silent = has_pongs and not connection.heard and not connection.is_paused
    connection.heard = False
    return is_silent


# TCP


class TcpPeer(NamedTuple):
    """What the system knows about the machine at the other end of a TCP connection."""

    silent_seconds: float
    """Since its last acknowledgement."""

    owes_answer: bool
    """Whether data or a probe waits for one.

    A peer that was not sent anything owes nothing. While its receive window is full, the system probes it at
    intervals that grow to two minutes, and each probe is acknowledged at once.
    """


_TCP_INFO: Final = Struct("=3xB20xI28xI")
"""``tcpi_probes``, ``tcpi_unacked``, ``tcpi_last_ack_recv`` (ms): struct tcp_info of linux/tcp.h."""

_HAS_TCP_INFO: Final = sys.platform == "linux"


def tcp_peer(sock: socket.socket | None) -> TcpPeer | None:
    """Return the peer of *sock*; None if the system does not know, or if *sock* is closed or not of TCP."""
    if sock is None or not _HAS_TCP_INFO:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    except OSError:
        return None
    if len(info) < _TCP_INFO.size:
        return None
    probes, unacknowledged, silent = _TCP_INFO.unpack(info)
    return TcpPeer(silent / 1_000, bool(probes or unacknowledged))


def probe_when_idle(sock: socket.socket | None, interval_seconds: float) -> None:
    """Make the system send keepalive probes on *sock* when it was idle for an interval.

    If they are not acknowledged for another one, the system ends the connection. Whole seconds; at least one.
    Nothing is changed if *interval_seconds* is 0, or for sockets that have no such probes.
    """
    if not interval_seconds or sock is None:
        return
    idle = max(int(interval_seconds), 1)
    between = max(idle // PROBES, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("IDLE", idle), ("INTVL", between), ("CNT", -(-idle // between))):
            option = getattr(socket, f"TCP_KEEP{name}", None)
            if option is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError as exc:  # a UNIX socket
        log.debug("no keepalive probes: %s", exc)
