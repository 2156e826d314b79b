"""A house that speaks chateau, without sockets, event loop or time: what the tests in this folder talk to.

Every frame that it sends is decoded and held against its schema before a test sees it.

A conversation is a list of steps, each with the frames that everyone gets, in order::

    says("alice", {"type": 6, "room": "lobby"},
         alice=[{"type": 6, "status": 200, "room": "lobby"}],
         bob=[{"type": 6, "status": 200, "event": "left", "room": "lobby", "username": "alice"}])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from listed_refusals import check_chateau
from quiet_store import QuietStore

from chateau.hub.events import DirectMessage, JoinRecord, RoomMessage
from chateau.hub.hub import Hub
from chateau.names import normalize_name
from chateau.protocols.chateau import REQUESTS, ChateauProtocol
from chateau.protocols.schemas import SchemaSet

if TYPE_CHECKING:
    from chateau.hub.events import Event, StoredRecord
    from chateau.hub.session import Session

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "chateau"
URL = "/schemas/chateau"
SCHEMA_SET = SchemaSet(SCHEMAS, url=URL)

Frame = dict[str, Any]

_ANSWERS: dict[int, str] = {
    type_: row.schema.replace("-request", "-response") for type_, row in REQUESTS.items()
}
_PUSHES: dict[tuple[int, str | None], str] = {
    (0, "shutdown"): "shutdown-push",
    (0, "tapped"): "tapped-push",
    (3, None): "message-push",
    (5, "joined"): "joined-push",
    (6, "left"): "left-push",
    (7, None): "publish-push",
    (9, "state"): "state-push",
    (9, "members"): "members-push",
}
_VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(
        schema,
        registry=jsonschema_rs.Registry([(other["$id"], other) for other in SCHEMA_SET.schemas.values()]),
        validate_formats=True,
    )
    for name, schema in SCHEMA_SET.schemas.items()
}

QUOTED_AT_MOST = 60


def stamp(number: int) -> Frame:
    """The id and time of the house's message *number*, counted from 0: one is said every second."""
    minutes, seconds = divmod(number, 60)
    return {
        "id": f"01JD3Z5V8M9QK7T4W2X6Y0{number:04d}",
        "time": f"2026-11-20T09:{30 + minutes:02d}:{seconds:02d}.000Z",
    }


class HandClock:
    """A clock that goes on when the test says so, and calls what is due then."""

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


class HandCommit:
    """A commit that is done when the test says so."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., object]] = []
        self._is_done = False
        self._failure: BaseException | None = None

    def done(self) -> bool:
        return self._is_done

    def exception(self) -> BaseException | None:
        assert self._is_done, "a commit's failure is asked for only once it is done"
        return self._failure

    def add_done_callback(self, callback: Callable[..., object], /) -> None:
        self._callbacks.append(callback)

    def decide(self, failure: BaseException | None = None) -> None:
        """Be done, and tell nobody yet: an event loop calls back a turn later."""
        self._is_done, self._failure = True, failure

    def call_back(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def finish(self, failure: BaseException | None = None) -> None:
        self.decide(failure)
        self.call_back()


class LateStore(QuietStore):
    """Keeps messages in memory; each lasts when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[HandCommit] = []

    def append(self, key: str, record: StoredRecord) -> HandCommit | None:  # type: ignore[override]
        super().append(key, record)
        if isinstance(record, JoinRecord):
            return None
        self.commits.append(HandCommit())
        return self.commits[-1]


class CountingProtocol(ChateauProtocol):
    """Counts the messages that it delivers; nothing else has a number in these tests."""

    messages = 0

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        self.messages += isinstance(event, DirectMessage | RoomMessage)
        super().deliver(event, sessions)


class Mailbox:
    """What one client got, in order."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.payloads: list[bytes] = []

    def send(self, payload: bytes) -> None:
        """An answer or a push arrives."""
        frame = read(payload)
        is_push = not {"sender", "event"}.isdisjoint(frame)
        self.frames.append(checked_push(frame) if is_push else checked_answer(frame))
        self.payloads.append(payload)

    def take(self) -> list[Frame]:
        """What has come since the last time."""
        frames, self.frames, self.payloads = self.frames, [], []
        return frames


def broadcast(payload: bytes, mailboxes: Iterable[Mailbox]) -> None:
    for mailbox in mailboxes:
        mailbox.send(payload)


def read(payload: bytes) -> Frame:
    """The frame that *payload* is: strict JSON in UTF-8, no key twice."""

    def distinct(pairs: list[tuple[str, Any]]) -> Frame:
        assert len(dict(pairs)) == len(pairs), f"a key is there twice: {payload!r}"
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON: {payload!r}")

    frame = json.loads(payload.decode("utf-8"), object_pairs_hook=distinct, parse_constant=refuse)
    assert isinstance(frame, dict)
    return frame


def checked_answer(frame: Frame) -> Frame:
    name = _ANSWERS[frame["type"]] if frame["status"] == 200 else "error-response"
    _VALIDATORS[name].validate(frame)
    return frame


def checked_push(frame: Frame) -> Frame:
    _VALIDATORS[_PUSHES[frame["type"], frame.get("event")]].validate(frame)
    return frame


def check_sentence(error: str, sent: str) -> None:
    """An error is one sentence of at most 300 characters that quotes at most 60 of what was sent."""
    assert 0 < len(error) <= 300, error
    assert error.endswith("."), f"a sentence ends with a full stop: {error!r}"
    for start in range(len(error) - QUOTED_AT_MOST):
        quote = error[start : start + QUOTED_AT_MOST + 1]
        assert quote not in sent, f"{len(quote)} characters of what was sent are quoted: {quote!r}"


class Client:
    """One client of the house."""

    def __init__(self, harness: Harness, address: str) -> None:
        self.mailbox = Mailbox()
        self.peer = harness.protocol.open(self.mailbox, address, 50_000)

    def send(self, request: Frame | str | bytes) -> None:
        """Send a request, or any text as it is, or a binary frame; check the sentence of its refusal."""
        if isinstance(request, bytes):
            self.peer.on_binary(request)
            return
        text = request if isinstance(request, str) else json.dumps(request)
        before = len(self.mailbox.frames)
        self.peer.on_text(text)
        for frame in self.mailbox.frames[before:]:
            if "error" in frame:
                check_sentence(frame["error"], text)
                check_chateau(text, frame)

    def ask(self, request: Frame | str | bytes) -> Frame:
        """Send a request and take the one frame that comes back."""
        self.mailbox.take()
        self.send(request)
        (answer,) = self.mailbox.take()
        return answer


class Harness:
    """A server of one node. A client that is spoken of for the first time connects; see :meth:`play`."""

    def __init__(
        self,
        *registered: str,
        inside: str | None = None,
        store: QuietStore | None = None,
        presence_limit: int = 500,
        max_rate: float = 0,
        max_frame: int = 1_048_576,
    ) -> None:
        """The clients *registered* have their own names, and are *inside* that room, where one is given."""
        self.clock = HandClock()
        self.store = store or QuietStore()
        self.hub = Hub(
            store=self.store,
            normalize_name=normalize_name,
            next_id=self._next_id,
            clock=self.clock,
            call_later=self.clock.call_later,
            presence_limit=presence_limit,
        )
        self.protocol = CountingProtocol(
            self.hub,
            SCHEMA_SET,
            broadcast=broadcast,
            clock=self.clock,
            max_rate=max_rate,
            max_frame=max_frame,
        )
        self.clients: dict[str, Client] = {}
        for name in registered:
            self.hub.register(self[name].peer.session, name)
            if inside is not None:
                self.hub.join(self[name].peer.session, inside)
        self.take()

    def __getitem__(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = Client(self, f"192.0.2.{len(self.clients) + 1}")
        return self.clients[name]

    def take(self) -> dict[str, list[Frame]]:
        """What everyone got since the last time; who got nothing is left out."""
        taken = {name: client.mailbox.take() for name, client in self.clients.items()}
        return {name: frames for name, frames in taken.items() if frames}

    def play(self, conversation: Iterable[Step]) -> None:
        """Go through *conversation*, and see that after each step everyone got these frames and no others."""
        for number, step in enumerate(conversation, start=1):
            step.act(self)
            assert self.take() == step.frames, f"step {number}: {step.told}"

    def _next_id(self) -> tuple[str, str]:
        minted = stamp(self.protocol.messages)
        return minted["id"], minted["time"]


@dataclass(frozen=True)
class Step:
    """Something happens, and these frames come of it."""

    told: str
    act: Callable[[Harness], object]
    frames: dict[str, list[Frame]] = field(default_factory=dict)


def says(who: str, request: Frame | str | bytes, **frames: list[Frame]) -> Step:
    """*who* sends *request*."""
    return Step(f"{who} sends {request!r}"[:200], lambda harness: harness[who].send(request), frames)


def leaves_the_line(who: str, **frames: list[Frame]) -> Step:
    """The connection of *who* is gone."""
    return Step(f"{who} drops off", lambda harness: harness[who].peer.on_close(), frames)


def hub_does(method: str, *arguments: Any, **frames: list[Frame]) -> Step:
    """Somebody else, the house's owner say, calls the hub, by a dotted name."""
    return Step(
        f"hub.{method}{arguments}", lambda harness: attrgetter(method)(harness.hub)(*arguments), frames
    )


def hub_taps(who: str, *, active: bool, **frames: list[Frame]) -> Step:
    """A keeper begins to see what *who* sends and gets, or has seen the last of it."""
    return Step(
        f"{who} is tapped: {active}",
        lambda harness: harness.hub.notify_tap(harness[who].peer.session, active=active),
        frames,
    )


def time_passes(seconds: float, **frames: list[Frame]) -> Step:
    return Step(f"{seconds} seconds pass", lambda harness: harness.clock.advance(seconds), frames)


def ok(type_: int, **rest: Any) -> Frame:
    """An answer to a request of *type_* that worked, or a push."""
    return {"type": type_, "status": 200} | rest


def no(type_: int | None, code: str, error: str, **rest: Any) -> Frame:
    """The answer to a request of *type_* that was refused; None where the type could not be read."""
    shown = {} if type_ is None else {"type": type_}
    return shown | {"status": 400, "code": code, "error": error} | rest


def wide(name: str) -> str:
    """*name*, of letters and digits, in full-width characters: another spelling of the same name."""
    return "".join(chr(ord(character) + 0xFEE0) for character in name)


def register(name: str, **rest: Any) -> Frame:
    return {"type": 1, "username": name} | rest


def message(*clients: str, content: str = "hi", **rest: Any) -> Frame:
    return {"type": 3, "clients": list(clients), "content": content} | rest


def join(room: str, **rest: Any) -> Frame:
    return {"type": 5, "room": room} | rest


def leave(room: str, **rest: Any) -> Frame:
    return {"type": 6, "room": room} | rest


def publish(room: str, content: str = "hello, all", **rest: Any) -> Frame:
    return {"type": 7, "room": room, "content": content} | rest


def history(room: str, **rest: Any) -> Frame:
    return {"type": 8, "room": room} | rest


LIST: Frame = {"type": 4}
ROOMS: Frame = {"type": 9}
UNREGISTER: Frame = {"type": 2}
