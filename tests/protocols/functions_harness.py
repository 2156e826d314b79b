"""A house that speaks functions, and chateau beside it, without sockets, event loop or time.

Every frame that it sends in functions is decoded and held against its schema before a test sees it; what is
not one of a client's own answers is a push. Clients get their ids in the order in which they connect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chateau_harness
import jsonschema_rs
from chateau_harness import Frame, HandClock, check_sentence, read, stamp
from listed_refusals import check_functions

from chateau.hub.access import Privacy
from chateau.hub.hub import Hub
from chateau.names import normalize_name
from chateau.protocols.chateau import ChateauProtocol
from chateau.protocols.functions import FunctionsProtocol
from chateau.protocols.schemas import SchemaSet
from chateau.store.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas" / "functions"
URL = "/schemas/functions"
SCHEMA_SET = SchemaSet(SCHEMAS, url=URL)
KEY = "swordfish"
PORT = 50_000

VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(
        schema,
        registry=jsonschema_rs.Registry([(other["$id"], other) for other in SCHEMA_SET.schemas.values()]),
        validate_formats=True,
    )
    for name, schema in SCHEMA_SET.schemas.items()
}


def schema_of(frame: Frame) -> str:
    """The schema of a frame that the server sent."""
    if "error" in frame:
        return "error-response"
    kind = "response" if "callback" in frame else "push"
    return f"{frame['function']}-{kind}"


def checked(payload: bytes) -> Frame:
    """The frame that *payload* is; it keeps to its schema."""
    frame = read(payload)
    VALIDATORS[schema_of(frame)].validate(frame)
    return frame


class Mailbox:
    """What one client got, in order."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.payloads: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self.frames.append(checked(payload))
        self.payloads.append(payload)

    def take(self) -> list[Frame]:
        """What has come since the last time."""
        frames, self.frames, self.payloads = self.frames, [], []
        return frames


class Broadcasts:
    """Sends one payload to many, and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, payload: bytes, mailboxes: Iterable[Any]) -> None:
        self.count += 1
        for mailbox in mailboxes:
            mailbox.send(payload)


class Client:
    """One client that speaks functions."""

    def __init__(self, harness: Harness, address: str) -> None:
        self.mailbox = Mailbox()
        self.peer = harness.protocol.open(self.mailbox, address, PORT)  # type: ignore[arg-type]

    @property
    def id(self) -> str:
        return self.peer.session.id

    def send(self, request: Frame | str | bytes) -> None:
        """Send a call, or any text as it is, or a binary frame; check the sentence of its refusal."""
        if isinstance(request, bytes):
            self.peer.on_binary(request)
            return
        text = request if isinstance(request, str) else json.dumps(request)
        before = len(self.mailbox.frames)
        self.peer.on_text(text)
        for frame in self.mailbox.frames[before:]:
            if "error" in frame:
                check_sentence(frame["error"], text)
                check_functions(text, frame)

    def ask(self, request: Frame | str | bytes) -> Frame:
        """Send a call and take the one frame that comes back."""
        self.mailbox.take()
        self.send(request)
        (answer,) = self.mailbox.take()
        return answer


class Harness:
    """A server of one node with two doors. A client that is spoken of for the first time connects."""

    def __init__(
        self,
        *connected: str,
        max_rate: float = 0,
        max_frame: int = 1_048_576,
        default_privacy: Privacy = "public",
        secret_key: str | None = KEY,
    ) -> None:
        self.clock = HandClock()
        self.hub = Hub(
            store=MemoryStore(),
            normalize_name=normalize_name,
            next_id=self._next_id,
            clock=self.clock,
            call_later=self.clock.call_later,
            secret_key=secret_key,
        )
        self.broadcasts = Broadcasts()
        self.protocol = FunctionsProtocol(
            self.hub,
            SCHEMA_SET,
            broadcast=self.broadcasts,
            clock=self.clock,
            max_rate=max_rate,
            max_frame=max_frame,
            default_privacy=default_privacy,
        )
        self.chateau = ChateauProtocol(
            self.hub,
            chateau_harness.SCHEMA_SET,
            broadcast=chateau_harness.broadcast,  # type: ignore[arg-type]
            clock=self.clock,
            max_frame=max_frame,
        )
        self._said = 0
        self.clients: dict[str, Client] = {}
        for name in connected:
            assert self[name].id == str(len(self.clients) - 1)

    def __getitem__(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = Client(self, f"192.0.2.{len(self.clients) + 1}")
        return self.clients[name]

    def chateau_user(self, name: str, address: str = "198.51.100.1") -> Any:
        """Somebody registered as *name* who speaks chateau: the peer, and what it got in ``mailbox``."""
        user = chateau_harness.Client.__new__(chateau_harness.Client)
        user.mailbox = chateau_harness.Mailbox()
        user.peer = self.chateau.open(user.mailbox, address, PORT)  # type: ignore[arg-type]
        self.hub.register(user.peer.session, name)
        return user

    def card(self, name: str, **custom: Any) -> Frame:
        """What others are told of a client with these custom variables."""
        session = self[name].peer.session
        return {"id": session.id, "ip": session.address, "port": PORT, "custom": custom}

    def take(self) -> dict[str, list[Frame]]:
        """What everyone got since the last time; who got nothing is left out."""
        taken = {name: client.mailbox.take() for name, client in self.clients.items()}
        return {name: frames for name, frames in taken.items() if frames}

    def play(self, conversation: Iterable[Step]) -> None:
        """Go through *conversation*, and see that after each step everyone got these frames and no others."""
        for number, step in enumerate(conversation, start=1):
            self[step.who].send(step.request)
            assert self.take() == step.frames, f"step {number}: {step.who} sends {step.request!r}"[:300]

    def _next_id(self) -> tuple[str, str]:
        self._said += 1
        minted = stamp(self._said - 1)
        return minted["id"], minted["time"]


@dataclass(frozen=True)
class Step:
    """*who* sends *request*, and these frames come of it."""

    who: str
    request: Frame | str | bytes
    frames: dict[str, list[Frame]] = field(default_factory=dict)


def says(who: str, request: Frame | str | bytes, **frames: list[Frame]) -> Step:
    return Step(who, request, frames)


def call(function: str, **arguments: Any) -> Frame:
    return {"function": function} | arguments


def send(*ids: Any, message: Any = "hi", **rest: Any) -> Frame:
    return call("send_message", recipient_ids=list(ids), message=message, **rest)


def custom(**variables: Any) -> Frame:
    return call("set_custom_variables", custom_variables=variables)


def done(function: str, callback: str = "", **rest: Any) -> Frame:
    """The answer to a call that worked."""
    return {"function": function, "callback": callback} | rest


def no(function: str | None, code: str, error: str, callback: str = "", **rest: Any) -> Frame:
    """The answer to a call that was refused."""
    return {"function": function, "error": error, "code": code, "callback": callback} | rest


def at(number: int, **custom_: Any) -> Frame:
    """The card of the client with the id *number*: the first is at 192.0.2.1."""
    return {"id": str(number), "ip": f"192.0.2.{number + 1}", "port": PORT, "custom": custom_}


RETRIEVE = call("retrieve_clients")
