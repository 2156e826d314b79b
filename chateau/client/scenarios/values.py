"""The values of a step: ``${name}`` and ``$repeat`` in their strings, and the bytes to send for them."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from chateau.client.scenarios.excerpts import as_json
from chateau.client.scenarios.lint import Flaw
from chateau.client.scenarios.match import is_integer
from chateau.client.strict_json import Keys, items_of
from chateau.client.transcript import Opcode

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
FRAME_KINDS = {"json": Opcode.TEXT, "text": Opcode.TEXT, "ping": Opcode.PING, "pong": Opcode.PONG}
LITERAL = "$literal"
MAX_CHARACTERS = 64 * 1024 * 1024
_WHOLE = re.compile(r"\$\{([^{}]*)\}")
_REFERENCES = re.compile(r"(?P<escape>\$\$\{)|\$\{(?P<name>[^{}]*)\}")


class UnknownVariable(LookupError):
    """A variable has no value; ``near`` has similar names that have one."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        self.near = tuple(get_close_matches(name, sorted(known), n=3))
        hint = f"; did you mean {' or '.join(f'${{{one}}}' for one in self.near)}?" if self.near else ""
        super().__init__(f"${{{name}}} has no value{hint}")


class BadContent(Exception):
    """A value cannot be encoded, or its ``$repeat`` is invalid; the text explains why."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables of a step, with the ``index`` of its ``repeat``, and the barriers of its ``parallel``.

    Captures are visible to all steps of the scenario.
    """

    shared: dict[str, Any]
    own: Mapping[str, Any] = field(default_factory=dict)
    barriers: Mapping[str, asyncio.Barrier] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        return fill(value, {**self.shared, **self.own})

    def capture(self, captures: Mapping[str, Any]) -> None:
        self.shared.update(captures)

    def within_repeat(self, index: int) -> "Scope":
        return Scope(self.shared, {**self.own, "index": index}, self.barriers)

    def within_parallel(self, barriers: Mapping[str, asyncio.Barrier]) -> "Scope":
        return Scope(self.shared, self.own, {**self.barriers, **barriers})


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return *value* with its variables filled in, except inside ``$literal``.

    Raises:
        UnknownVariable: one of them has no value.
    """
    match value:
        case str():
            whole = _WHOLE.fullmatch(value)
            return _text(value, variables) if whole is None else _value(whole[1], variables)
        case list():
            return [fill(item, variables) for item in value]
        case dict():
            return {
                _text(key, variables): item if key == LITERAL else fill(item, variables)
                for key, item in value.items()
            }
    return value


def names_in(value: Any) -> set[str]:
    """Return the variables that :func:`fill` needs for *value*."""
    match value:
        case str():
            return {found["name"] for found in _REFERENCES.finditer(value) if found["name"] is not None}
        case list():
            return set().union(*map(names_in, value))
        case dict():
            parts = [names_in(key) | (set() if key == LITERAL else names_in(value[key])) for key in value]
            return set().union(*parts)
    return set()


def expand_repeats(value: Any) -> Any:
    """Return *value* with each ``{"$repeat": "ab", "$times": 3}`` replaced by its string.

    Raises:
        BadContent: one of them is invalid, or too long.
    """
    match value:
        case list():
            return [expand_repeats(item) for item in value]
        case dict() if "$repeat" in value:
            sentence = _repeat_flaw(value)
            if sentence is not None:
                raise BadContent(sentence)
            return value["$repeat"] * int(value["$times"])
        case dict():
            return {key: item if key == LITERAL else expand_repeats(item) for key, item in value.items()}
    return value


def repeat_flaws_of(value: Any, path: Keys = ()) -> list[Flaw]:
    """Return the faults of each ``$repeat`` in *value*; one with variables is checked when it is sent."""
    if isinstance(value, dict) and "$repeat" in value:
        sentence = None if any(map(names_in, value.values())) else _repeat_flaw(value)
        return [] if sentence is None else [Flaw(path, sentence)]
    inner = ((at, item) for at, item in items_of(value, path) if at[-1] != LITERAL)
    return [flaw for at, item in inner for flaw in repeat_flaws_of(item, at)]


def _text(text: str, variables: Mapping[str, Any]) -> str:
    def put(found: re.Match[str]) -> str:
        if found["escape"]:
            return "${"
        value = _value(found["name"], variables)
        return value if isinstance(value, str) else _json_text(value)

    return _REFERENCES.sub(put, text)


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise UnknownVariable(name, variables)
    return variables[name]


def _repeat_flaw(value: dict[str, Any]) -> str | None:
    if value.keys() != {"$repeat", "$times"}:
        return "$repeat takes $times next to it, and no other key"
    text, times = value["$repeat"], value["$times"]
    if not isinstance(text, str):
        return f"$repeat takes a string, not {as_json(text)}"
    if not is_integer(times) or not 0 <= times <= MAX_CHARACTERS:
        return f"$times takes a number from 0 to {MAX_CHARACTERS}, not {as_json(times)}"
    if len(text) * times > MAX_CHARACTERS:
        return f"$repeat makes {len(text) * int(times)} characters, expected at most {MAX_CHARACTERS}"
    return None


# Bytes


def frame_of(value: Any, send_as: str | None, protocol: str) -> tuple[Opcode, bytes]:
    """Return the opcode and the payload of the frame, or of the line, for *value*."""
    value = expand_repeats(value)
    kind = send_as or ("text" if isinstance(value, str) else "json")
    if kind == "binary":
        return Opcode.BINARY, bytes_of(value)
    if kind != "json" and not isinstance(value, str):
        raise BadContent(f"a value sent as {kind} has to be a string")
    payload = _encoded(value if kind != "json" else _json_text(value))
    return (Opcode.LINE if protocol == "lines" else FRAME_KINDS[kind]), payload


def body_of(value: Any) -> tuple[bytes, str | None]:
    """Return the body of an HTTP request for *value*, and its content type."""
    value = expand_repeats(value)
    if value is None:
        return b"", None
    if isinstance(value, str):
        return _encoded(value), TEXT_TYPE
    if isinstance(value, dict) and set(value) <= {"$hex", "$base64"} and value:
        return bytes_of(value), None
    return _encoded(_json_text(value)), JSON_TYPE


def bytes_of(value: Any) -> bytes:
    """Return the bytes of hex, ``{"$hex": …}``, ``{"$base64": …}`` or ``{"$text": …}``."""
    try:
        match expand_repeats(value):
            case str(text) | {"$hex": str(text)}:
                return bytes.fromhex(text)
            case {"$base64": str(text)}:
                return base64.b64decode(text, validate=True)
            case {"$text": text}:
                return _encoded(text)
    except binascii.Error as exc:
        raise BadContent(f"not base64: {text[:60]!r}") from exc
    except ValueError as exc:
        raise BadContent(f"not hex: {text[:60]!r}") from exc
    raise BadContent('invalid bytes; expected hex, {"$base64": …} or {"$text": …}')


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise BadContent("a lone surrogate has no UTF-8 encoding; use send_raw to send its bytes") from exc
