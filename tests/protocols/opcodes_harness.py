"""A house that speaks opcodes, without sockets or time: what the opcodes tests talk to.

Every frame that it sends is decoded and held against its schema before a test sees it. Conversations are
as in :mod:`chateau_harness`: steps, each with the frames that everyone gets, in order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
from chateau_harness import Frame, HandClock, check_sentence, read, stamp
from listed_refusals import check_opcodes

from chateau.hub.events import Event
from chateau.hub.hub import Hub
from chateau.hub.session import Session
from chateau.names import normalize_name
from chateau.protocols.opcodes import OpcodesProtocol
from chateau.protocols.plugin_commands import Command
from chateau.protocols.schemas import SchemaSet
from chateau.store.memory import MemoryStore

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "opcodes"
URL = "/schemas/opcodes"
SCHEMA_SET = SchemaSet(SCHEMAS, url=URL)
KEY = "correct horse"

_SENT = {0: "message-push", 2: "state-push", 3: "shutdown-push", 4: "cache-response", 5: "error-response"}
_VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(
        schema,
        registry=jsonschema_rs.Registry([(other["$id"], other) for other in SCHEMA_SET.schemas.values()]),
        validate_formats=True,
    )
    for name, schema in SCHEMA_SET.schemas.items()
}


def checked(payload: bytes) -> Frame:
    """The frame that *payload* is, which keeps to its schema."""
    frame = read(payload)
    _VALIDATORS[_SENT[frame["op"]]].validate(frame)
    return frame


class Mailbox:
    """What one client got, in order."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.is_open = True

    def send(self, payload: bytes) -> None:
        if self.is_open:
            self.frames.append(checked(payload))

    def take(self) -> list[Frame]:
        """What has come since the last time."""
        frames, self.frames = self.frames, []
        return frames


class Listener:
    """Another protocol: its sessions note the events that they hear of."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def deliver(self, event: Event, sessions: Iterable[Session]) -> None:
        self.heard += [event for _ in sessions]


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
            if frame["op"] == 5:
                check_sentence(frame["d"]["error"], text)
                check_opcodes(text, frame, self.peer.protocol.commands)

    def ask(self, request: Frame | str | bytes) -> list[Frame]:
        """Send a request and take what comes back."""
        self.mailbox.take()
        self.send(request)
        return self.mailbox.take()

    def close(self) -> None:
        """The connection is gone."""
        self.mailbox.is_open = False
        self.peer.on_close()


class Harness:
    """A server of one node. A client that is spoken of for the first time connects; see :meth:`play`."""

    def __init__(
        self,
        *inside: str,
        store: MemoryStore | None = None,
        presence_limit: int = 500,
        max_rate: float = 0,
        max_frame: int = 1_048_576,
        command_prefix: str = "!",
        secret_key: str | None = KEY,
        plugins: Mapping[str, Command] | None = None,
        create_task: Callable[..., Any] = asyncio.ensure_future,
    ) -> None:
        """The clients *inside* have logged in under their own names, into general."""
        self.clock = HandClock()
        self.store = store or MemoryStore()
        self.stops: list[str | None] = []
        self.broadcasts: list[bytes] = []
        self._said = 0
        self.hub = Hub(
            store=self.store,
            normalize_name=normalize_name,
            next_id=self._next_id,
            clock=self.clock,
            call_later=self.clock.call_later,
            presence_limit=presence_limit,
            secret_key=secret_key,
            reserved_names=("Chateau",),
        )
        self.protocol = OpcodesProtocol(
            self.hub,
            SCHEMA_SET,
            broadcast=self._broadcast,
            clock=self.clock,
            stop=self.stops.append,
            max_rate=max_rate,
            max_frame=max_frame,
            command_prefix=command_prefix,
            plugins=plugins or {},
            create_task=create_task,
        )
        self.clients: dict[str, Client] = {}
        for name in inside:
            self.hub.register(self[name].peer.session, name)
            self.hub.join(self[name].peer.session, "general")
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

    def stranger(self, name: str | None = None, *, room: str | None = None) -> tuple[Session, Listener]:
        """A session of another protocol."""
        listener = Listener()
        session = self.hub.connect(listener, outbox=None, address="198.51.100.1")
        if name is not None:
            self.hub.register(session, name)
        if room is not None:
            self.hub.join(session, room)
        return session, listener

    def _broadcast(self, payload: bytes, mailboxes: Iterable[Mailbox]) -> None:
        self.broadcasts.append(payload)
        for mailbox in mailboxes:
            mailbox.send(payload)

    def _next_id(self) -> tuple[str, str]:
        self._said += 1
        minted = stamp((self._said - 1) % 1800)
        return minted["id"], minted["time"]


async def loop_turns(turns: int = 5) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Step:
    """Something happens, and these frames come of it."""

    told: str
    act: Callable[[Harness], object]
    frames: dict[str, list[Frame]] = field(default_factory=dict)


def says(who: str, content: str | Frame, **frames: list[Frame]) -> Step:
    """*who* sends op 1 with *content*, or another request."""
    request = create(content) if isinstance(content, str) else content
    return Step(f"{who} sends {request!r}"[:200], lambda harness: harness[who].send(request), frames)


def connects(who: str) -> Step:
    return Step(f"{who} connects", lambda harness: harness[who])


def leaves_the_line(who: str, **frames: list[Frame]) -> Step:
    """The connection of *who* is gone."""
    return Step(f"{who} drops off", lambda harness: harness[who].close(), frames)


def happens(act: Callable[[Harness], object], **frames: list[Frame]) -> Step:
    """Somebody else does something."""
    return Step("something else", act, frames)


def time_passes(seconds: float, **frames: list[Frame]) -> Step:
    return Step(f"{seconds} seconds pass", lambda harness: harness.clock.advance(seconds), frames)


def create(content: str) -> Frame:
    return {"op": 1, "d": {"content": content}}


def said(author: str, content: str) -> Frame:
    return {"op": 0, "d": {"author": author, "content": content}}


def server(content: str) -> Frame:
    return said("Chateau", content)


def entered(name: str, room: str = "general") -> Frame:
    return said(room, f"{name} has entered the room")


def left(name: str, room: str = "general") -> Frame:
    return said(room, f"{name} has left the room")


def state(*, available: bool, room: str = "general") -> Frame:
    return {"op": 2, "d": {"available": available, "room": room}}


def no(code: str, error: str, **rest: Any) -> Frame:
    return {"op": 5, "d": {"code": code, "error": error} | rest}


def misuse(error: str) -> Frame:
    return no("invalid_message", error, path="/d/content", schema=f"{URL}/message-request.json")


CACHE: Frame = {"op": 4}
