"""The harness of the functions protocol, with chateau next to it; see :mod:`harness`.

Clients get their ids in the order in which they connect.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import chateau_harness
from harness import (
    PORT,
    Client,
    Frame,
    check_sentence,
    read,
    schema_set,
    validators,
)
from harness import (
    Harness as GenericHarness,
)
from listed_errors import check_functions

from chateau.protocols.chateau import ChateauProtocol
from chateau.protocols.functions import FunctionsProtocol

SCHEMA_SET = schema_set("functions")
URL = "/schemas/functions"
KEY = "swordfish"
VALIDATORS = validators(SCHEMA_SET)


def schema_of(frame: Frame) -> str:
    """Return the name of the schema of a frame that the server sent."""
    if "error" in frame:
        return "error-response"
    kind = "response" if "callback" in frame else "push"
    return f"{frame['function']}-{kind}"


def checked(payload: bytes) -> Frame:
    """Return the frame in *payload*, after checking it against its schema."""
    frame = read(payload)
    VALIDATORS[schema_of(frame)].validate(frame)
    return frame


class Harness(GenericHarness):
    """A server of the functions and the chateau protocols."""

    schemas = SCHEMA_SET
    make = FunctionsProtocol

    def __init__(
        self, *connected: str, secret_key: str | None = KEY, max_frame: int = 1_048_576, **options: Any
    ) -> None:
        super().__init__(secret_key=secret_key, max_frame=max_frame, **options)
        self.chateau = ChateauProtocol(self.context(chateau_harness.SCHEMA_SET, max_frame=max_frame))
        for name in connected:
            assert self[name].id == str(len(self.clients) - 1)

    def checked(self, payload: bytes) -> Frame:
        return checked(payload)

    def check_error(self, text: str, frame: Frame) -> None:
        if "error" in frame:
            check_sentence(frame["error"], text)
            check_functions(text, frame)

    def chateau_user(self, name: str, address: str = "198.51.100.1") -> Any:
        """Connect a user *name* of the chateau protocol; return its peer and its ``mailbox``."""
        side = SimpleNamespace(
            protocol=self.chateau,
            split=self.split,
            checked=chateau_harness.checked,
            check_error=lambda text, frame: None,
            max_rate=0,
        )
        user = Client(side, address)  # type: ignore[arg-type]
        self.hub.register(user.session, name)
        return user

    def card(self, name: str, **custom: Any) -> Frame:
        """Return the info that others receive about a client with these custom variables."""
        session = self[name].session
        return {"id": session.id, "ip": session.address, "port": PORT, "custom": custom}


def call(function: str, **arguments: Any) -> Frame:
    return {"function": function} | arguments


def send(*ids: Any, message: Any = "hi", **rest: Any) -> Frame:
    return call("send_message", recipient_ids=list(ids), message=message, **rest)


def custom(**variables: Any) -> Frame:
    return call("set_custom_variables", custom_variables=variables)


def done(function: str, callback: str = "", **rest: Any) -> Frame:
    """Return the response to a successful call."""
    return {"function": function, "callback": callback} | rest


def error_frame(function: str | None, code: str, error: str, callback: str = "", **rest: Any) -> Frame:
    """Return the error response to a call."""
    return {"function": function, "error": error, "code": code, "callback": callback} | rest


def at(number: int, **custom_: Any) -> Frame:
    """Return the card of the client with the id *number*; the first has the address 192.0.2.1."""
    return {"id": str(number), "ip": f"192.0.2.{number + 1}", "port": PORT, "custom": custom_}


RETRIEVE = call("retrieve_clients")
