"""The harness of the lines protocol; see :mod:`harness`.

Every line that the server sends is decoded and checked against its schema before a test receives it::

    sends("alice", "LEAVE", alice=[OK, left("alice")], bob=[left("alice")])
"""

from __future__ import annotations

from typing import Any

from harness import Client as GenericClient
from harness import Frame, LateCommits, check_quotes, read, schema_set, validators
from harness import Harness as GenericHarness
from listed_errors import checked_lines

from chateau.protocols.lines import LinesProtocol
from chateau.store.memory import MemoryStore

SCHEMA_SET = schema_set("lines")
_VALIDATORS = validators(SCHEMA_SET)

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
    """Return the name of the schema of *frame*."""
    if frame["type"] != "commandResult":
        return SCHEMAS[frame["type"]]
    return next((name for key, name in RESULTS.items() if key in frame), "result-response")


def checked(frame: Frame) -> Frame:
    """Return *frame*, after checking it against its schema."""
    _VALIDATORS[schema_of(frame)].validate(frame)
    return frame


class LateStore(LateCommits):
    """A store in memory, whose commits of messages the test completes."""


class Client(GenericClient):
    """One client of the server."""

    def send(self, request: Frame | str | bytes) -> None:
        """Send a line; bytes are sent as a line that is not text."""
        assert isinstance(request, str | bytes)
        with checked_lines(request):
            super().send(request)

    ask = GenericClient.ask_all


class Harness(GenericHarness):
    """A server of the lines protocol."""

    schemas = SCHEMA_SET
    make = LinesProtocol
    client = Client

    def __init__(
        self,
        *inside: str,
        room: str = "lobby",
        store: MemoryStore | None = None,
        history_bytes: int = 1_048_576,
        **options: Any,
    ) -> None:
        """Let the clients *inside* log in under their own names and join *room*."""
        super().__init__(
            store=MemoryStore(channel_history=100) if store is None else store,
            secret_key="open sesame",
            reserved_names=["Chateau", "server"],
            **options,
        )
        self.protocol.history_bytes = history_bytes
        self.enter(inside, room, as_nick=True)

    def split(self, payload: bytes) -> list[bytes]:
        lines = payload.split(b"\r\n")
        for line in lines:
            assert b"\n" not in line
            assert b"\r" not in line
        return lines

    def checked(self, payload: bytes) -> Frame:
        return checked(read(payload))

    def check_error(self, text: str, frame: Frame) -> None:
        if frame["type"] == "error":
            check_quotes(frame["error"], text)


def result(text: str = "OK", **more: Any) -> Frame:
    return {"type": "commandResult", "result": text} | more


DETAILS = {
    "Invalid nickname": "A nickname has 3 to 16 characters: letters a to z and A to Z, and digits.",
    "Nickname already registered": "A client of another protocol has this name, in some spelling; "
    "choose another one.",
}
"""The details of errors, by their texts."""


def error_frame(error: str, detail: str | None = None) -> Frame:
    """Return the error with *detail*, by default the one that belongs to *error*."""
    detail = detail or DETAILS.get(error)
    return {"type": "error", "error": error} | ({"detail": detail} if detail else {})


def joined(nick: str) -> Frame:
    return {"from": nick, "type": "userJoined", "body": f"User {nick} has joined the room"}


def left(nick: str) -> Frame:
    return {"from": nick, "type": "userLeft", "body": f"User {nick} has left the room"}


def message_frame(nick: str, text: str) -> Frame:
    return {"from": nick, "type": "message", "body": text}
