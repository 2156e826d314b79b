"""A hub for tests, with a manual clock, predictable ids, and protocols that record all deliveries."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import count

from quiet_store import QuietStore

from chateau.hub.events import Event
from chateau.hub.hub import Hub
from chateau.hub.ports import Store
from chateau.hub.session import Session
from chateau.lookalikes import look_of
from chateau.names import normalize_name


class Protocol:
    """An event sink that records events and recipients in the order of delivery."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.deliveries: list[tuple[Event, list[Session]]] = []

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        self.deliveries.append((event, list(sessions)))


class Harness:
    """A hub with two protocols, whose clock moves only in :meth:`advance`."""

    def __init__(self, store: Store | None = None, *, presence_limit: int = 500) -> None:
        self.now = 1000.0
        self.store = store or QuietStore()
        self.protocol, self.other_protocol = Protocol("one"), Protocol("another")
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._ids = count(1)
        self.hub = Hub(
            store=self.store,
            normalize_name=normalize_name,
            look_of=look_of,
            next_id=self._next_id,
            clock=lambda: self.now,
            call_later=self._call_later,
            presence_limit=presence_limit,
        )

    def connect(self, *, address: str = "127.0.0.1", protocol: Protocol | None = None) -> Session:
        """Return a session without a username."""
        return self.hub.connect(protocol or self.protocol, outbox=None, address=address)

    def user(self, username: str, *rooms: str, protocol: Protocol | None = None) -> Session:
        """Return a session registered as *username* that has joined *rooms*."""
        session = self.connect(protocol=protocol)
        self.hub.register(session, username)
        for room in rooms:
            self.hub.join(session, room)
        return session

    def events_of(self, session: Session) -> list[Event]:
        """Return the events delivered to *session*."""
        return [
            event
            for protocol in (self.protocol, self.other_protocol)
            for event, sessions in protocol.deliveries
            if session in sessions
        ]

    def clear_events(self) -> None:
        """Forget all deliveries so far."""
        self.protocol.deliveries.clear()
        self.other_protocol.deliveries.clear()

    def advance(self, seconds: float) -> None:
        """Move the clock on, and run the timers that are due."""
        until = self.now + seconds
        while due := sorted(
            (timer for timer in self._timers if timer[0] <= until), key=lambda timer: timer[0]
        ):
            self._timers.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = until

    def _next_id(self) -> tuple[str, str]:
        number = next(self._ids)
        return f"id-{number}", f"2026-11-20T00:00:{number:06.3f}Z"

    def _call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.append((self.now + seconds, callback))
