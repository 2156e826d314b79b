"""A house with a keeper, without sockets, event loop or time; its people speak chateau.

Every answer and every refusal is held against its schema before a test sees it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from chateau_harness import SCHEMA_SET as CHATEAU
from chateau_harness import Frame, HandClock, Mailbox, broadcast, check_sentence, read, stamp

from chateau.hub.errors import HubError
from chateau.hub.hub import Hub
from chateau.hub.session import Session
from chateau.names import normalize_name
from chateau.protocols.admin import AdminProtocol, refusal, status_of
from chateau.protocols.chateau import ChateauProtocol
from chateau.protocols.json_text import encode
from chateau.protocols.schemas import SchemaSet
from chateau.store.memory import MemoryStore

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "admin"
SCHEMA_SET = SchemaSet(SCHEMAS, url="/schemas/admin")
KEY = "swordfish"
ADDRESS = "192.0.2.1"

VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(
        schema,
        registry=jsonschema_rs.Registry([(other["$id"], other) for other in SCHEMA_SET.schemas.values()]),
        validate_formats=True,
    )
    for name, schema in SCHEMA_SET.schemas.items()
}


class ClosableMailbox(Mailbox):
    """A client that may be sent away."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: tuple[int, str] | None = None

    def disconnect(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


class AdminHouse:
    """One house, with *key* as its secret key."""

    def __init__(self, *, key: str | None = KEY, store: MemoryStore | None = None) -> None:
        self.clock = HandClock()
        self.hub = Hub(
            store=store or MemoryStore(),
            normalize_name=normalize_name,
            next_id=lambda: (stamp(0)["id"], stamp(0)["time"]),
            clock=self.clock,
            call_later=self.clock.call_later,
            secret_key=key,
        )
        self.stopped: list[str | None] = []
        self.admin = AdminProtocol(self.hub, SCHEMA_SET, stop=self.stopped.append, has_key=key is not None)
        self._chateau = ChateauProtocol(self.hub, CHATEAU, broadcast=broadcast, clock=self.clock)
        self.mailboxes: dict[str, ClosableMailbox] = {}
        self.sessions: dict[str, Session] = {}

    def enter(self, name: str, *rooms: str) -> Session:
        """*name* comes in, and goes into *rooms*."""
        mailbox = self.mailboxes[name] = ClosableMailbox()
        session = self.sessions[name] = self._chateau.open(mailbox, ADDRESS, 50_000).session
        self.hub.register(session, name)
        for room in rooms:
            self.hub.join(session, room)
        mailbox.take()
        return session

    def do(self, name: str, body: Frame | bytes) -> Frame:
        """The answer to *body*, sent for the action *name*."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            answer = self.admin.perform(name, sent)
        except HubError as error:
            return refused(error, sent)
        return checked(f"{name}-response", answer)

    def asked(self, name: str, query: dict[str, str]) -> Frame:
        """What the *query* asks, or the refusal."""
        try:
            return self.admin.asked(name, query)
        except HubError as error:
            return refused(error, str(query).encode())


def refused(error: HubError, sent: bytes = b"") -> Frame:
    """The refusal, as it is told."""
    answer = checked("error-response", refusal(error, status_of(error)))
    check_sentence(answer["error"], sent.decode(errors="replace"))
    return answer


def checked(schema: str, answer: Any) -> Frame:
    """*answer*, as it goes over the wire; it keeps to *schema*."""
    frame = read(encode(answer))
    VALIDATORS[schema].validate(frame)
    return frame
