"""The generic test harness of the protocols: a server without sockets, event loop or real time.

The module of each protocol (``chateau_harness`` and so on) derives a :class:`Harness` that knows how to
decode and check what the server sends. Every frame is checked against its schema before a test receives it.

A conversation is a list of steps, each with the frames that every client receives, in order::

    sends("alice", {"type": 6, "room": "lobby"},
          alice=[{"type": 6, "status": 200, "room": "lobby"}],
          bob=[{"type": 6, "status": 200, "event": "left", "room": "lobby", "username": "alice"}])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import jsonschema_rs

from chateau.hub.events import Event, JoinRecord, StoredRecord
from chateau.hub.hub import Hub
from chateau.hub.session import Session
from chateau.lookalikes import look_of
from chateau.names import normalize_name
from chateau.net.allowance import Allowance
from chateau.protocols.schemas import SchemaSet
from chateau.protocols.spec import ProtocolContext
from chateau.store.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
PORT = 50_000
QUOTED_AT_MOST = 60

Frame = dict[str, Any]


def schema_set(name: str) -> SchemaSet:
    """Return the schemas of the protocol *name*."""
    return SchemaSet(ROOT / "schemas" / name, url=f"/schemas/{name}")


def validators(schemas: SchemaSet) -> dict[str, Any]:
    """Return a validator for each schema, which checks formats as well."""
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas.schemas.values()])
    return {
        name: jsonschema_rs.Draft202012Validator(schema, registry=registry, validate_formats=True)
        for name, schema in schemas.schemas.items()
    }


def stamp(number: int) -> Frame:
    """Return the id and time of the message *number*, counted from 0: one message per second."""
    minutes, seconds = divmod(number, 60)
    return {
        "id": f"01JD3Z5V8M9QK7T4W2X6Y0{number:04d}",
        "time": f"2026-11-20T09:{30 + minutes:02d}:{seconds:02d}.000Z",
    }


def read(payload: bytes) -> Frame:
    """Decode the frame *payload*: strict JSON in UTF-8, without duplicate keys."""

    def distinct(pairs: list[tuple[str, Any]]) -> Frame:
        assert len(dict(pairs)) == len(pairs), f"duplicate key: {payload!r}"
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON: {payload!r}")

    frame = json.loads(payload.decode("utf-8"), object_pairs_hook=distinct, parse_constant=refuse)
    assert isinstance(frame, dict)
    return frame


def check_sentence(error: str, sent: str) -> None:
    """Check that *error* is one sentence of at most 300 characters, with at most 60 quoted from *sent*."""
    assert 0 < len(error) <= 300, error
    assert error.endswith("."), f"a sentence ends with a full stop: {error!r}"
    check_quotes(error, sent)


def check_quotes(error: str, sent: str) -> None:
    """Check that *error* quotes at most 60 characters of *sent*."""
    for start in range(len(error) - QUOTED_AT_MOST):
        quote = error[start : start + QUOTED_AT_MOST + 1]
        if '"' in (quote[0], quote[-1]):  # the quotation marks of the error, around fewer characters
            continue
        assert quote not in sent, f"{len(quote)} characters of what was sent are quoted: {quote!r}"


class FakeClock:
    """A clock that the test advances; it then runs the timers that are due."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers.append((self.now + seconds, call))

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [call for at, call in self._timers if at <= self.now]
        self._timers = [(at, call) for at, call in self._timers if at > self.now]
        for call in due:
            call()


class FakeCommit:
    """A commit that the test completes."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., object]] = []
        self._is_done = False
        self._failure: BaseException | None = None

    def done(self) -> bool:
        return self._is_done

    def exception(self) -> BaseException | None:
        assert self._is_done, "the failure is available only once the commit is done"
        return self._failure

    def add_done_callback(self, callback: Callable[..., object], /) -> None:
        self._callbacks.append(callback)

    def decide(self, failure: BaseException | None = None) -> None:
        """Complete the commit without its callbacks, which an event loop runs one iteration later."""
        self._is_done, self._failure = True, failure

    def call_back(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def finish(self, failure: BaseException | None = None) -> None:
        self.decide(failure)
        self.call_back()


class LateCommits(MemoryStore):
    """A store whose commits the test completes; joins have no commit. Usable as a mixin."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commits: list[FakeCommit] = []

    def append(self, key: str, record: StoredRecord) -> FakeCommit | None:  # type: ignore[override]
        super().append(key, record)
        if isinstance(record, JoinRecord):
            return None
        self.commits.append(FakeCommit())
        return self.commits[-1]


class Mailbox:
    """The frames that one client received, in order, until its connection was closed."""

    def __init__(self, harness: Harness) -> None:
        self.frames: list[Any] = []
        self.payloads: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.peer: Any = None
        self.charged = 0.0
        self._harness = harness
        if harness.max_rate:
            self.allowance = Allowance(harness.max_rate, harness.clock())

    def send(self, payload: bytes) -> None:
        if self.closed is None:
            for part in self._harness.split(payload):
                self.payloads.append(part)
                self.frames.append(self._harness.checked(part))

    def charge(self, tokens: float) -> None:
        self.charged += tokens
        if self._harness.max_rate:
            self.allowance.charge(tokens)

    def send_binary(self, payload: bytes) -> None:
        raise AssertionError("this protocol sends text only")

    def disconnect(self, code: int, reason: str) -> None:
        assert self.closed is None, "a connection is closed once"
        self.closed = (code, reason)
        if self.peer is not None:
            self.peer.on_close()

    def take(self) -> list[Any]:
        """Return and remove what was received since the last call."""
        frames, self.frames, self.payloads = self.frames, [], []
        return frames


class OtherProtocol:
    """Another protocol: its sessions have lists as outboxes, to which their events are added."""

    name = "other"

    def __init__(self) -> None:
        self.events: list[Event] = []

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        self.events.append(event)
        for session in sessions:
            session.outbox.append(event)


class Client:
    """One client of the server."""

    def __init__(self, harness: Harness, address: str) -> None:
        self.mailbox = Mailbox(harness)
        self.peer = self.mailbox.peer = harness.protocol.open(self.mailbox, address, PORT)
        self._harness = harness

    @property
    def session(self) -> Session:
        return self.peer.session  # type: ignore[no-any-return]

    @property
    def id(self) -> str:
        return self.session.id

    def send(self, request: Frame | str | bytes) -> None:
        """Send a request, a text unchanged, or a binary frame; check the errors in response."""
        message = json.dumps(request) if isinstance(request, dict) else request
        before = len(self.mailbox.frames)
        self.pass_on(message)
        text = message if isinstance(message, str) else ""
        for frame in self.mailbox.frames[before:]:
            self._harness.check_error(text, frame)

    def pass_on(self, message: str | bytes) -> None:
        """Pass *message* to the peer as the transport does, with all steps of it."""
        harness = self._harness
        if harness.max_rate and not self.mailbox.allowance.take(harness.clock()):
            self.peer.on_excess(message)
        elif isinstance(message, bytes):
            self.peer.on_binary(message)
        else:
            for _ in self.peer.on_text(message) or ():
                pass

    def ask(self, request: Frame | str | bytes) -> Any:
        """Send a request and return the single frame that the client receives."""
        (frame,) = self.ask_all(request)
        return frame

    def ask_all(self, request: Frame | str | bytes) -> list[Any]:
        """Send a request and return all frames that the client receives."""
        self.mailbox.take()
        self.send(request)
        return self.mailbox.take()

    def close(self) -> None:
        """Lose the connection."""
        self.mailbox.closed = (1006, "")
        self.peer.on_close()


class Harness:
    """A server with one protocol under test. A client connects when its name is first used.

    Subclasses set ``schemas`` and ``make``, and override how frames are split and checked.
    """

    schemas: SchemaSet
    make: Callable[[ProtocolContext], Any]
    client = Client

    def __init__(
        self,
        *,
        store: MemoryStore | None = None,
        secret_key: str | None = None,
        presence_limit: int = 500,
        reserved_names: Collection[str] = ("Chateau",),
        stores_publications: bool = False,
        stores_messages: bool = True,
        **options: Any,
    ) -> None:
        """*options* are fields of the protocol's context: ``max_rate``, ``max_frame`` and so on."""
        self.clock = FakeClock()
        self.max_rate: float = options.get("max_rate", 0)
        self.store = MemoryStore() if store is None else store
        self.stops: list[str | None] = []
        self.broadcasts: list[bytes] = []
        self.broadcast_sizes: list[int] = []  # the number of recipients of each broadcast
        self.stamped = 0
        self.hub = Hub(
            store=self.store,
            normalize_name=normalize_name,
            look_of=look_of,
            next_id=self._next_id,
            clock=self.clock,
            call_later=self.clock.call_later,
            presence_limit=presence_limit,
            secret_key=secret_key,
            reserved_names=reserved_names,
            stores_publications=stores_publications,
            stores_messages=stores_messages,
        )
        self.protocol = type(self).make(self.context(self.schemas, **options))
        self.other = OtherProtocol()
        self.clients: dict[str, Any] = {}

    def context(self, schemas: SchemaSet, **options: Any) -> ProtocolContext:
        """Return the context that a protocol is created from."""
        return ProtocolContext(
            hub=self.hub,
            schemas=schemas,
            broadcast=self._broadcast,
            broadcast_binary=self._broadcast_binary,
            clock=self.clock,
            stop=self.stops.append,
            **options,
        )

    # Overridden by the harness of a protocol

    def split(self, payload: bytes) -> list[bytes]:
        """Return the frames that *payload* consists of."""
        return [payload]

    def checked(self, payload: bytes) -> Any:
        """Return the frame in *payload*, after checking it against its schema."""
        raise NotImplementedError

    def check_error(self, text: str, frame: Any) -> None:
        """Check *frame*, the response to *text*, if it is an error."""

    # Clients

    def __getitem__(self, name: str) -> Any:
        if name not in self.clients:
            self.clients[name] = self.client(self, f"192.0.2.{len(self.clients) + 1}")
        return self.clients[name]

    def enter(self, names: Iterable[str], room: str | None = None, **options: Any) -> None:
        """Register the clients *names* under these names, and let them join *room*."""
        for name in names:
            self.hub.register(self[name].session, name, **options)
            if room is not None:
                self.hub.join(self[name].session, room)
        self.take()

    def connect_other(self, name: str | None = None, *, room: str | None = None) -> Session:
        """Connect a session of another protocol; its outbox is a list of events."""
        session = self.hub.connect(self.other, outbox=[], address="198.51.100.1", port=1)
        if name is not None:
            self.hub.register(session, name)
        if room is not None:
            self.hub.join(session, room)
        return session

    def take(self) -> dict[str, list[Any]]:
        """Return what each client received since the last call, without clients that received nothing."""
        taken = {name: client.mailbox.take() for name, client in self.clients.items()}
        return {name: frames for name, frames in taken.items() if frames}

    def play(self, conversation: Iterable[Step]) -> None:
        """Play *conversation*; after each step check that every client received exactly its frames."""
        for number, step in enumerate(conversation, start=1):
            step.act(self)
            assert self.take() == step.frames, f"step {number}: {step.description}"

    def _broadcast(self, payload: bytes, outboxes: Iterable[Any]) -> None:
        recipients = list(outboxes)
        self.broadcasts.append(payload)
        self.broadcast_sizes.append(len(recipients))
        for outbox in recipients:
            outbox.send(payload)

    def _broadcast_binary(self, payload: bytes, outboxes: Iterable[Any]) -> None:
        for outbox in outboxes:
            outbox.send_binary(payload)

    def _next_id(self) -> tuple[str, str]:
        self.stamped += 1
        made = stamp((self.stamped - 1) % 1800)
        return made["id"], made["time"]


@dataclass(frozen=True)
class Step:
    """An action, and the *frames* that the clients receive because of it."""

    description: str
    act: Callable[[Any], object]
    frames: dict[str, list[Any]] = field(default_factory=dict)


def sends(who: str, request: Frame | str | bytes, **frames: list[Any]) -> Step:
    """Let *who* send *request*."""
    return Step(f"{who} sends {request!r}"[:300], lambda harness: harness[who].send(request), frames)


def disconnects(who: str, **frames: list[Any]) -> Step:
    """Lose the connection of *who*."""
    return Step(f"{who} disconnects", lambda harness: harness[who].close(), frames)


def happens(description: str, act: Callable[[Any], object], **frames: list[Any]) -> Step:
    """Do something else, such as an action of an admin."""
    return Step(description, act, frames)


def hub_does(method: str, *arguments: Any, **frames: list[Any]) -> Step:
    """Call a method of the hub, by its dotted name, as an admin would."""
    return Step(
        f"hub.{method}{arguments}", lambda harness: attrgetter(method)(harness.hub)(*arguments), frames
    )


def hub_taps(who: str, *, active: bool, **frames: list[Any]) -> Step:
    """Start or end the tap of the session of *who*."""
    return Step(
        f"{who} is tapped: {active}",
        lambda harness: harness.hub.notify_tap(harness[who].session, active=active),
        frames,
    )


def time_passes(seconds: float, **frames: list[Any]) -> Step:
    return Step(f"{seconds} seconds pass", lambda harness: harness.clock.advance(seconds), frames)
