"""The harness of the chateau protocol; see :mod:`harness`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness import (
    Frame,
    LateCommits,
    check_sentence,
    read,
    schema_set,
    stamp,
    validators,
)
from harness import (
    Harness as GenericHarness,
)
from listed_errors import check_chateau
from quiet_store import QuietStore

from chateau.protocols.chateau import REQUESTS, ChateauProtocol

SCHEMA_SET = schema_set("chateau")
URL = "/schemas/chateau"

_RESPONSES: dict[int, str] = {
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
_VALIDATORS = validators(SCHEMA_SET)


class LateStore(LateCommits, QuietStore):
    """A store in memory, whose commits of messages the test completes."""


def checked(payload: bytes) -> Frame:
    """Return the frame in *payload*, after checking it against the schema of its push or response."""
    frame = read(payload)
    if not {"sender", "event"}.isdisjoint(frame):
        name = _PUSHES[frame["type"], frame.get("event")]
    else:
        name = _RESPONSES[frame["type"]] if frame["status"] == 200 else "error-response"
    _VALIDATORS[name].validate(frame)
    return frame


class Harness(GenericHarness):
    """A server of the chateau protocol. Sent messages are numbered from 0; see :func:`stamp`."""

    schemas = SCHEMA_SET
    make = ChateauProtocol

    def __init__(
        self, *registered: str, inside: str | None = None, store: QuietStore | None = None, **options: Any
    ) -> None:
        """Register the clients *registered* under their own names; let them join *inside*, if any."""
        super().__init__(store=store or QuietStore(), **options)
        self._sent = 0
        for method in ("message", "publish"):
            setattr(self.hub, method, self._counting(getattr(self.hub, method)))
        self.enter(registered, inside)

    def checked(self, payload: bytes) -> Frame:
        return checked(payload)

    def check_error(self, text: str, frame: Frame) -> None:
        if "error" in frame:
            check_sentence(frame["error"], text)
            check_chateau(text, frame)

    def _counting(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """Return *send*, which counts the messages that are new."""

        def counting(*arguments: Any, **options: Any) -> Any:
            result = send(*arguments, **options)
            message = getattr(result, "message", result)
            self._sent += message.id == stamp(self._sent)["id"]
            return result

        return counting

    def _next_id(self) -> tuple[str, str]:
        made = stamp(self._sent)
        return made["id"], made["time"]


def ok(type_: int, **rest: Any) -> Frame:
    """Return the response to a successful request of *type_*, or a push."""
    return {"type": type_, "status": 200} | rest


def error_frame(type_: int | None, code: str, error: str, **rest: Any) -> Frame:
    """Return the error response to a request of *type_*, which is None if it could not be decoded."""
    shown = {} if type_ is None else {"type": type_}
    return shown | {"status": 400, "code": code, "error": error} | rest


def wide(name: str) -> str:
    """Return the letters and digits *name* in full-width characters: another spelling of the name."""
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
