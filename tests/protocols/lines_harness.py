"""A house that speaks lines, without sockets, event loop or time: what the tests of this protocol talk to.

Every line that it sends is decoded and held against its schema before a test sees it. A client that is
spoken of for the first time connects. A conversation is a list of steps, each with the lines that
everyone gets, in order::

    says("alice", "LEAVE", alice=[OK, left("alice")], bob=[left("alice")])

Neighbours speak another protocol: what they are told of is kept as events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chateau_harness import QUOTED_AT_MOST, HandClock, HandCommit, read, stamp
from listed_refusals import checked_lines

from chateau.hub.events import JoinRecord
from chateau.hub.hub import Hub
from chateau.names import normalize_name
from chateau.protocols.lines import LinesPeer, LinesProtocol
from chateau.protocols.schemas import SchemaSet
from chateau.store.memory import MemoryStore

if TYPE_CHECKING:
    from chateau.hub.events import Event, StoredRecord
    from chateau.hub.session import Session

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_SET = SchemaSet(ROOT / "schemas" / "lines", url="/schemas/lines")

Frame = dict[str, Any]

SCHEMAS = {
    "error": "error-response",
    "history": "entry-response",
    "message": "message-push",
    "directMessage": "direct-message-push",
    "userJoined": "user-joined-push",
    "userLeft": "user-left-push",
    "memberCount": "member-count-push",
    "roomState": "room-state-push",
    "shutdown": "shutdown-push",
    "tapped": "tapped-push",
}
RESULTS = {
    "users": "who-response",
    "rooms": "rooms-response",
    "commands": "help-response",
    "count": "history-response",
}

OK = {"type": "commandResult", "result": "OK"}


def schema_of(frame: Frame) -> str:
    """The name of the schema that *frame* has to keep to."""
    if frame["type"] != "commandResult":
        return SCHEMAS[frame["type"]]
    return next((name for key, name in RESULTS.items() if key in frame), "result-response")


def checked(frame: Frame) -> Frame:
    SCHEMA_SET.reference(schema_of(frame)).validate(frame)
    assert SCHEMA_SET.validator(schema_of(frame))(frame)
    return frame


def check_quotes(error: str, sent: str) -> None:
    """An error quotes at most 60 characters of what was sent."""
    for start in range(len(error) - QUOTED_AT_MOST):
        quote = error[start : start + QUOTED_AT_MOST + 1]
        assert quote not in sent, f"{len(quote)} characters of what was sent are quoted: {quote!r}"


class Socket:
    """What one client got, in order, until the connection ended."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.payloads: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.peer: LinesPeer | None = None

    def send(self, payload: bytes) -> None:
        if self.closed is None:
            for line in payload.split(b"\r\n"):
                assert b"\n" not in line
                assert b"\r" not in line
                self.payloads.append(line)
                self.frames.append(checked(read(line)))

    def send_binary(self, payload: bytes) -> None:
        raise AssertionError("lines are text")

    def disconnect(self, code: int, reason: str) -> None:
        assert self.peer is not None
        assert self.closed is None, "a connection ends once"
        self.closed = (code, reason)
        self.peer.on_close()

    def take(self) -> list[Frame]:
        frames, self.frames, self.payloads = self.frames, [], []
        return frames


class Client:
    """One client of the house."""

    def __init__(self, protocol: LinesProtocol, address: str) -> None:
        self.socket = Socket()
        self.peer = protocol.open(self.socket, address, 50_000)
        self.socket.peer = self.peer
        self.session = self.peer.session

    def send(self, line: str | bytes) -> None:
        """Send a line, or the bytes of one that is no text."""
        with checked_lines(line):
            self._send(line)

    def _send(self, line: str | bytes) -> None:
        if isinstance(line, bytes):
            self.peer.on_binary(line)
            return
        before = len(self.socket.frames)
        self.peer.on_text(line)
        for frame in self.socket.frames[before:]:
            if frame["type"] == "error":
                check_quotes(frame["error"], line)

    def ask(self, line: str | bytes) -> list[Frame]:
        """Send a line and take all that comes."""
        self.socket.take()
        self.send(line)
        return self.socket.take()


class LateStore(MemoryStore):
    """Keeps all in memory; each message lasts when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[HandCommit] = []

    def append(self, key: str, record: StoredRecord) -> HandCommit | None:  # type: ignore[override]
        super().append(key, record)
        if isinstance(record, JoinRecord):
            return None
        self.commits.append(HandCommit())
        return self.commits[-1]


class Neighbours:
    """Another protocol of the house; its sessions' outboxes are lists of events."""

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        for session in sessions:
            session.outbox.append(event)


class Harness:
    """A server of one node."""

    def __init__(
        self,
        *inside: str,
        room: str = "lobby",
        store: MemoryStore | None = None,
        max_rate: float = 0,
        history_bytes: int = 1_048_576,
        presence_limit: int = 500,
        stores_publications: bool = False,
    ) -> None:
        """The clients *inside* have logged in by their own names and are in *room*."""
        self.clock = HandClock()
        self.store = MemoryStore(channel_history=100) if store is None else store
        self._minted = 0
        self.hub = Hub(
            store=self.store,
            normalize_name=normalize_name,
            next_id=self._next_id,
            clock=self.clock,
            call_later=self.clock.call_later,
            presence_limit=presence_limit,
            secret_key="open sesame",
            reserved_names=["server"],
            stores_publications=stores_publications,
        )
        self.broadcasts: list[int] = []  # how many each one went to
        self.protocol = LinesProtocol(
            self.hub,
            broadcast=self._broadcast,
            clock=self.clock,
            max_rate=max_rate,
            history_bytes=history_bytes,
        )
        self.neighbours = Neighbours()
        self.clients: dict[str, Client] = {}
        for name in inside:
            self.hub.register(self[name].session, name, as_nick=True)
            self.hub.join(self[name].session, room)
        self.take()

    def __getitem__(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = Client(self.protocol, f"192.0.2.{len(self.clients) + 1}")
        return self.clients[name]

    def neighbour(self, name: str | None = None, *, room: str | None = None) -> Session:
        """A session of another protocol."""
        session = self.hub.connect(self.neighbours, outbox=[], address="198.51.100.1", port=1)
        if name is not None:
            self.hub.register(session, name)
        if room is not None:
            self.hub.join(session, room)
        return session

    def take(self) -> dict[str, list[Frame]]:
        """What everyone got since the last time; who got nothing is left out."""
        taken = {name: client.socket.take() for name, client in self.clients.items()}
        return {name: frames for name, frames in taken.items() if frames}

    def play(self, conversation: Iterable[Step]) -> None:
        """Go through *conversation*, and see that after each step everyone got these lines and no others."""
        for number, step in enumerate(conversation, start=1):
            step.act(self)
            assert self.take() == step.frames, f"step {number}: {step.told}"

    def _next_id(self) -> tuple[str, str]:
        self._minted += 1
        minted = stamp(self._minted - 1)
        return minted["id"], minted["time"]

    def _broadcast(self, payload: bytes, sockets: Iterable[Socket]) -> None:
        told = list(sockets)
        self.broadcasts.append(len(told))
        for socket in told:
            socket.send(payload)


@dataclass(frozen=True)
class Step:
    """Something happens, and these lines come of it."""

    told: str
    act: Callable[[Harness], object]
    frames: dict[str, list[Frame]] = field(default_factory=dict)


def says(who: str, line: str | bytes, **frames: list[Frame]) -> Step:
    """*who* sends *line*."""
    return Step(f"{who} sends {line!r}"[:200], lambda harness: harness[who].send(line), frames)


def drops(who: str, **frames: list[Frame]) -> Step:
    """The connection of *who* is gone."""
    return Step(f"{who} drops off", lambda harness: harness[who].peer.on_close(), frames)


def happens(told: str, act: Callable[[Harness], object], **frames: list[Frame]) -> Step:
    """Somebody else, the house's owner say, does something."""
    return Step(told, act, frames)


def result(text: str = "OK", **more: Any) -> Frame:
    return {"type": "commandResult", "result": text} | more


def no(error: str) -> Frame:
    return {"type": "error", "error": error}


def joined(nick: str) -> Frame:
    return {"from": nick, "type": "userJoined", "body": f"User {nick} has joined the room"}


def left(nick: str) -> Frame:
    return {"from": nick, "type": "userLeft", "body": f"User {nick} has left the room"}


def said(nick: str, text: str) -> Frame:
    return {"from": nick, "type": "message", "body": text}
