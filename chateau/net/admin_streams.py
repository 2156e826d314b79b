"""The admin API's event streams: their subscribers, and the live stream of the server's metrics.

The live stream sends metrics, sessions and rooms once per second. Nothing is measured before the first
subscriber connects or after the last one leaves. Events are encoded once per second for all subscribers with
one limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.protocols.json_text import encode
from chateau.protocols.transport import NORMAL_CLOSURE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from chateau.net.connection import PeerFactory
    from chateau.net.metrics import Metrics
    from chateau.net.probe import Probe
    from chateau.protocols.admin import AdminProtocol
    from chateau.protocols.transport import Outbox

Frame = dict[str, Any]

INTERVAL_SECONDS = 1.0


class StreamSubscriber:
    """The peer of one client of an event stream of the admin API.

    It is a connection like all others, so a slow one is limited by its outbox and affects no other. It has no
    session, and does not count as one.
    """

    __slots__ = ("_on_gone", "_outbox")

    session = None

    def __init__(self, outbox: Outbox, on_gone: Callable[[StreamSubscriber], None]) -> None:
        self._outbox = outbox
        self._on_gone = on_gone

    def send(self, payload: bytes) -> None:
        """Send *payload*, whole events."""
        self._outbox.send(payload)

    def end(self) -> None:
        """End the stream after what was sent."""
        self._outbox.disconnect(NORMAL_CLOSURE, "")

    def on_text(self, text: str) -> None:
        """Ignore *text*."""

    def on_binary(self, payload: bytes) -> None:
        """Ignore *payload*."""

    def on_close(self) -> None:
        """Unsubscribe."""
        self._on_gone(self)


def encode_event(kind: str, frame: Frame) -> bytes:
    """Return the event of *kind* with the data *frame*, which encodes to one line of JSON."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(frame))


class LiveStream:
    """The live stream. One per server."""

    def __init__(
        self, admin: AdminProtocol, metrics: Metrics, probe: Probe, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._admin = admin
        self._metrics = metrics
        self._probe = probe
        self._loop = loop
        self._subscribers: dict[StreamSubscriber, int] = {}  # and how many sessions each one lists
        self._timer: asyncio.TimerHandle | None = None

    def opener(self, limit: int) -> PeerFactory:
        """Return the factory of subscribers that list the busiest *limit* sessions."""

        def open_peer(outbox: Outbox, _address: str, _port: int) -> StreamSubscriber:
            subscriber = StreamSubscriber(outbox, self.remove)
            self.add(subscriber, limit)
            return subscriber

        return open_peer

    def add(self, subscriber: StreamSubscriber, limit: int) -> None:
        """Send the present state to *subscriber*, and once per second from now on."""
        if not self._subscribers:
            self._metrics.sample()
            self._probe.start()
            self._timer = self._loop.call_later(INTERVAL_SECONDS, self._tick)
        self._subscribers[subscriber] = limit
        subscriber.send(self._server() + self._sessions(limit) + self._rooms())

    def remove(self, subscriber: StreamSubscriber) -> None:
        """Remove *subscriber*, which is gone."""
        self._subscribers.pop(subscriber, None)
        if not self._subscribers and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._probe.stop()
            self._metrics.reset()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(INTERVAL_SECONDS, self._tick)
        self._metrics.sample()
        server, rooms = self._server(), self._rooms()
        limits = set(self._subscribers.values())
        payloads = {limit: server + self._sessions(limit) + rooms for limit in limits}
        for subscriber, limit in list(self._subscribers.items()):
            subscriber.send(payloads[limit])

    def _server(self) -> bytes:
        return encode_event("house", self._metrics.server(self._probe.latency()))

    def _sessions(self, limit: int) -> bytes:
        return encode_event("sessions", self._metrics.sessions(limit))

    def _rooms(self) -> bytes:
        return encode_event("rooms", self._admin.rooms())
