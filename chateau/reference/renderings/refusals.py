"""Refusals: one that the chateau protocol tells, and how the other protocols tell the same.

The error is read back from chateau's frame, and written by each protocol's own encoder. Not every protocol
refuses for every reason: ``NEVER`` says why not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub import errors as hub_errors
from chateau.hub.errors import HubError
from chateau.protocols import chateau, functions, lines_frames, opcodes
from chateau.protocols import errors as protocol_errors
from chateau.protocols.json_text import encode
from chateau.protocols.lines_commands import (
    INVALID_NICKNAME,
    LOGIN_REQUIRED,
    NICKNAME_PRESENT,
    NICKNAME_REGISTERED,
    NO_ROOM,
)
from chateau.reference.renderings.counterparts import COUNTERPARTS, NO_ROOMS
from chateau.reference.renderings.writings import Writing, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

Frame = dict[str, Any]

FUNCTIONS = {1: "set_custom_variables", 3: "send_message", 4: "retrieve_clients"}
"""The function that is called in place of each type of request."""

KINDS: dict[str, type[HubError]] = {
    kind.code: kind
    for module in (hub_errors, protocol_errors)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, HubError) and kind is not HubError
}
"""A kind of error for each code; of two that share one, the protocols'."""


def refusals(frame: Frame, http_error: Callable[[HubError], bytes]) -> list[Writing]:
    """The refusal *frame*, which keeps to its schema, in each protocol."""
    error = error_of(frame)
    asked: Frame = {key: frame[key] for key in ("type", "ref") if key in frame}
    own = Writing("chateau", "WebSocket", "server", encode(chateau.error_response(error, asked)))
    writers = WRITERS | {"channels": lambda error, _: _in_http(http_error(error))}
    told = [own]
    for protocol, write in writers.items():
        reason = _reason_for_none(protocol, error.code, chateau.type_of(asked))
        told += [write(error, asked)] if reason is None else nothing(protocol, reason)
    return told


def _reason_for_none(protocol: str, code: str, type_: int | None) -> str | None:
    """Why *protocol* refuses nothing with *code*, or has no request in place of those of *type_*."""
    row = COUNTERPARTS[protocol].get(type_ or 0)
    return NEVER[protocol].get(code) or (row if isinstance(row, str) else None)


def error_of(frame: Frame) -> HubError:
    """The error that *frame* tells of, in its own words."""
    kind = KINDS[frame["code"]]
    error = kind.__new__(kind, frame["error"])
    for key in ("path", "schema", "unknown"):
        if key in frame:
            setattr(error, key, frame[key])
    return error


def _in_functions(error: HubError, asked: Frame) -> Writing:
    call = {"function": FUNCTIONS.get(chateau.type_of(asked) or 0), "callback": str(asked.get("ref", ""))}
    payload = encode(functions.error_response(error, call))
    return Writing("functions", "WebSocket", "server", payload, _origin(error))


def _in_lines(error: HubError, asked: Frame) -> Writing:
    words = LINES_WORDS.get((error.code, chateau.type_of(asked)), LINES_WORDS.get((error.code, None)))
    if words is not None:
        error = lines_frames.LinesError(words)
    return Writing("lines", "TCP", "server", encode(lines_frames.error_response(error)))


def _in_opcodes(error: HubError, _: Frame) -> Writing:
    payload = encode(opcodes.error_response(error))
    return Writing("opcodes", "WebSocket", "server", payload, _origin(error))


def _in_http(answer: bytes) -> Writing:
    note = "The answer to a publish. Who asks to listen gets the status, and is told in plain text."
    return Writing("channels", "HTTP", "server", answer, note)


def _origin(error: HubError) -> str | None:
    if isinstance(error, protocol_errors.InvalidMessage):
        return "The path and the schema are those of chateau's request."
    return None


WRITERS: dict[str, Callable[[HubError, Frame], Writing]] = {
    "functions": _in_functions,
    "lines": _in_lines,
    "opcodes": _in_opcodes,
}

LINES_WORDS: dict[tuple[str, int | None], str] = {
    ("not_registered", None): LOGIN_REQUIRED,
    ("name_taken", None): NICKNAME_REGISTERED,
    ("name_taken", 5): NICKNAME_PRESENT,
    ("already_in_room", None): NICKNAME_PRESENT,
    ("not_in_room", None): NO_ROOM,
    ("invalid_name", 1): INVALID_NICKNAME,
}
"""What the lines protocol says in the words of its seed, by code and type of request; None is any type."""

_NAMELESS = "Who publishes needs no name, and is in no room."
_VARIABLE = "A name is a custom variable there: it may change, and one that cannot be had stays a variable."

NEVER: dict[str, dict[str, str]] = {
    "functions": {
        "not_registered": "Nobody needs a name there.",
        **dict.fromkeys(("already_registered", "name_taken", "invalid_name"), _VARIABLE),
        "unknown_recipient": "Whom a message did not reach is listed in undelivered, and nothing is refused.",
        **dict.fromkeys(("unknown_room", "not_in_room", "already_in_room"), NO_ROOMS),
    },
    "lines": {
        **dict.fromkeys(("invalid_json", "not_an_object"), "A line is a text, and need not be JSON."),
        "binary_frame": "There are no binary frames there.",
        "unknown_type": "What is no command is a message there.",
        "invalid_message": "A line has no keys; what a command lacks is told in words of its own.",
        "already_registered": 'It says "User already logged in with name", and the name.',
        "unknown_room": "One names no room there but the one that one joins.",
        "too_large": "A line that is too long ends the connection.",
    },
    "opcodes": {
        "already_registered": "What is said after the login is a message or a command there.",
    },
    "channels": {
        **dict.fromkeys(
            (
                "not_registered",
                "already_registered",
                "name_taken",
                "unknown_recipient",
                "unknown_room",
                "not_in_room",
                "already_in_room",
            ),
            _NAMELESS,
        ),
        "binary_frame": "A package may be any bytes.",
        "rate_limited": "Publishers have no limit of messages a second.",
    },
}
"""By protocol and code: why it refuses nothing with it."""
