"""Where in a JSON text each value stands, and reading one whose keys have to be different.

The text is that of a scenario; a ``"//"`` key is a comment and may stand in one object several times.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chateau.client import strict_json

COMMENT = "//"
DEEPEST = 128  # what works on the values afterwards calls itself for each level
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

Path = tuple[str | int, ...]


def locate(text: str) -> dict[Path, int]:
    """The line, from 1, on which each value of *text* begins, by the keys and indices that lead to it.

    *text* has to be JSON; of several comments in one object, it is the last one's.
    """
    lines: dict[Path, int] = {}
    line, counted_to = 1, 0
    for place in _places(text):
        line += text.count("\n", counted_to, place.start)
        counted_to = place.start
        lines[place.path] = line
    return lines


def decode_document(text: str) -> Any:
    """The value that *text* stands for.

    Raises:
        json.JSONDecodeError: *text* is not JSON, a key but ``"//"`` stands twice in one object, or values are
            nested more than 128 deep.
    """
    value = strict_json.decode(text)
    for place in _places(text):
        if place.is_twice:
            raise json.JSONDecodeError(
                f'The key "{place.path[-1]}" stands twice in one object', text, place.key
            )
        if len(place.path) > DEEPEST:
            raise json.JSONDecodeError(f"Nested more than {DEEPEST} deep", text, place.start)
    return value


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    start: int
    key: int  # where its key begins, if it has one
    is_twice: bool


@dataclass(slots=True)
class _Container:
    """An object or array that has been opened, and how far in it the reader is."""

    path: Path
    is_object: bool
    keys: set[str] = field(default_factory=set)
    step: str | int = 0  # the key or the index of the value that comes next
    key_start: int = 0
    is_twice: bool = False
    awaits_key: bool = True


def _places(text: str) -> Iterator[_Place]:
    """Each value, in the order of the text; without recursion, however deep it goes."""
    opened: list[_Container] = []
    for token in _TOKENS.finditer(text):
        around = opened[-1] if opened else None
        match token[0]:
            case "}" | "]":
                opened.pop()
            case ",":
                _move_on(around)
            case ":":
                pass
            case word if around is not None and around.is_object and around.awaits_key:
                _read_key(around, json.loads(word), token.start())
            case word:
                place = _place(around, token.start())
                yield place
                if word in "{[":
                    opened.append(_Container(place.path, word == "{"))


def _move_on(around: _Container | None) -> None:
    if around is None:
        return
    around.awaits_key = True
    if isinstance(around.step, int):
        around.step += 1


def _read_key(around: _Container, key: str, start: int) -> None:
    around.is_twice = key in around.keys and key != COMMENT
    around.keys.add(key)
    around.step, around.key_start, around.awaits_key = key, start, False


def _place(around: _Container | None, start: int) -> _Place:
    if around is None:
        return _Place((), start, start, is_twice=False)
    return _Place((*around.path, around.step), start, around.key_start, around.is_twice)
