"""JSON with line numbers, and with unique keys.

The ``"//"`` keys are comments: one object may have several.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chateau.client import strict_json

COMMENT = "//"
MAX_DEPTH = 128  # the functions that walk the value later are recursive
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

Path = tuple[str | int, ...]


def locate(text: str) -> dict[Path, int]:
    """Return the line, from 1, on which each value of the JSON *text* begins, by its keys and indices.

    Of several comments in one object, the last is reported.
    """
    lines: dict[Path, int] = {}
    line, counted_to = 1, 0
    for position in _positions(text):
        line += text.count("\n", counted_to, position.start)
        counted_to = position.start
        lines[position.path] = line
    return lines


def decode_document(text: str) -> Any:
    """Return the value of the JSON *text*.

    Raises:
        json.JSONDecodeError: *text* is not JSON, has a duplicate key other than ``"//"``, or nests values
            more than 128 levels deep.
    """
    value = strict_json.decode(text)
    for position in _positions(text):
        if position.is_duplicate:
            raise json.JSONDecodeError(f'Duplicate key "{position.path[-1]}"', text, position.key)
        if len(position.path) > MAX_DEPTH:
            raise json.JSONDecodeError(f"Nested more than {MAX_DEPTH} levels deep", text, position.start)
    return value


@dataclass(frozen=True, slots=True)
class _Position:
    path: Path
    start: int
    key: int  # the start of its key, in an object
    is_duplicate: bool


@dataclass(slots=True)
class _Container:
    """An object or array that is open, and the next value's key or index in it."""

    path: Path
    is_object: bool
    keys: set[str] = field(default_factory=set)
    step: str | int = 0
    key_start: int = 0
    is_duplicate: bool = False
    awaits_key: bool = True


def _positions(text: str) -> Iterator[_Position]:
    """Yield each value in the order of the text; not recursive, so that depth is no limit."""
    opened: list[_Container] = []
    for token in _TOKENS.finditer(text):
        parent = opened[-1] if opened else None
        match token[0]:
            case "}" | "]":
                opened.pop()
            case ",":
                _next_item(parent)
            case ":":
                pass
            case word if parent is not None and parent.is_object and parent.awaits_key:
                _read_key(parent, json.loads(word), token.start())
            case word:
                position = _position(parent, token.start())
                yield position
                if word in "{[":
                    opened.append(_Container(position.path, word == "{"))


def _next_item(parent: _Container | None) -> None:
    if parent is None:
        return
    parent.awaits_key = True
    if isinstance(parent.step, int):
        parent.step += 1


def _read_key(parent: _Container, key: str, start: int) -> None:
    parent.is_duplicate = key in parent.keys and key != COMMENT
    parent.keys.add(key)
    parent.step, parent.key_start, parent.awaits_key = key, start, False


def _position(parent: _Container | None, start: int) -> _Position:
    if parent is None:
        return _Position((), start, start, is_duplicate=False)
    return _Position((*parent.path, parent.step), start, parent.key_start, parent.is_duplicate)
