"""The probe: the latency of a message in the server, from its arrival to its departure.

A client inside the server sends a message ten times per second to a connection like all others, which
echoes it. These messages take the whole path (poller, decoder, peer, outbox, send) and wait as others do.
The probe has no session, is in no room, and is not listed.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from chateau.net.connection import SocketConnection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from chateau.net.connection_group import ConnectionGroup
    from chateau.protocols.transport import Outbox

INTERVAL_SECONDS: Final = 0.1
SAMPLES: Final = 50
"""Samples that are stored: those of 5 seconds."""

MESSAGE: Final = bytes((0x81, 0x80 | 5, 0, 0, 0, 0)) + b"probe"
"""A client's text frame, with a mask of zeros."""

ECHO_BYTES: Final = len(MESSAGE) - 4
"""The server's frames have no mask."""


class Probe:
    """Measures while it is started, if the *group* takes sockets; *clock* returns seconds."""

    def __init__(self, group: ConnectionGroup, *, clock: Callable[[], float]) -> None:
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
        self._timer = self._group.loop.call_later(INTERVAL_SECONDS, self._send_next)
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

    def on_text(self, text: str) -> None:
        self._outbox.send(text.encode())

    def on_binary(self, payload: bytes) -> None:
        pass

    def on_close(self) -> None:
        pass


def _at(ordered: list[float], share: float) -> float:
    """Return the sample that *share* of all do not exceed, in milliseconds."""
    return round(1000 * ordered[ceil(share * len(ordered)) - 1], 3)
