"""The harness of the opcodes protocol; see :mod:`harness`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import harness
from harness import Client as GenericClient
from harness import Frame, Step, check_sentence, read, schema_set, validators
from harness import Harness as GenericHarness
from listed_errors import check_opcodes

from chateau.protocols.opcodes import OpcodesProtocol

SCHEMA_SET = schema_set("opcodes")
URL = "/schemas/opcodes"
KEY = "correct horse"

_SENT = {0: "message-push", 2: "state-push", 3: "shutdown-push", 4: "cache-response", 5: "error-response"}
_VALIDATORS = validators(SCHEMA_SET)


def checked(payload: bytes) -> Frame:
    """Return the frame in *payload*, after checking it against its schema."""
    frame = read(payload)
    _VALIDATORS[_SENT[frame["op"]]].validate(frame)
    return frame


class Client(GenericClient):
    """One client of the server."""

    ask = GenericClient.ask_all


class Harness(GenericHarness):
    """A server of the opcodes protocol."""

    schemas = SCHEMA_SET
    make = OpcodesProtocol
    client = Client

    def __init__(self, *inside: str, secret_key: str | None = KEY, **options: Any) -> None:
        """Let the clients *inside* log in under their own names; they are in the room ``general``."""
        super().__init__(secret_key=secret_key, **options)
        self.enter(inside, "general")

    def checked(self, payload: bytes) -> Frame:
        return checked(payload)

    def check_error(self, text: str, frame: Frame) -> None:
        if frame["op"] == 5:
            check_sentence(frame["d"]["error"], text)
            check_opcodes(text, frame, self.protocol.commands)


async def loop_turns(turns: int = 5) -> None:
    """Run the event loop for some iterations."""
    for _ in range(turns):
        await asyncio.sleep(0)


def sends(who: str, content: str | Frame, **frames: list[Frame]) -> Step:
    """Let *who* send op 1 with *content*, or another request."""
    return harness.sends(who, create(content) if isinstance(content, str) else content, **frames)


def happens(act: Callable[[Harness], object], **frames: list[Frame]) -> Step:
    """Do something else."""
    return Step("something else", act, frames)


def connects(who: str) -> Step:
    return Step(f"{who} connects", lambda server: server[who])


def create(content: str) -> Frame:
    return {"op": 1, "d": {"content": content}}


def message_frame(author: str, content: str) -> Frame:
    return {"op": 0, "d": {"author": author, "content": content}}


def server(content: str) -> Frame:
    return message_frame("Chateau", content)


def entered(name: str) -> Frame:
    return server(f"{name} has entered the room")


def left(name: str) -> Frame:
    return server(f"{name} has left the room")


def state(*, available: bool, room: str = "general") -> Frame:
    return {"op": 2, "d": {"available": available, "room": room}}


def error_frame(code: str, error: str, **rest: Any) -> Frame:
    return {"op": 5, "d": {"code": code, "error": error} | rest}


def misuse(error: str) -> Frame:
    return error_frame("invalid_message", error, path="/d/content", schema=f"{URL}/message-request.json")


CACHE: Frame = {"op": 4}
