"""Check expectations before a scenario is played.

A value that contains a variable is checked once the variable is filled in.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from chateau.client.scenarios.match import OPERATORS, operand_flaw
from chateau.client.scenarios.schemas import Schemas
from chateau.client.strict_json import COMMENT, Keys, items_of

LISTS = {"$contains", "$one_of"}
NESTED = {"$not", "$exact", *LISTS}  # their operand is an expectation, or a list of expectations


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault in a value, and the path to it."""

    path: Keys
    sentence: str


def without_comments(value: Any) -> Any:
    """Return *value* without its ``"//"`` keys, at any depth."""
    match value:
        case list():
            return [without_comments(item) for item in value]
        case dict():
            return {key: without_comments(item) for key, item in value.items() if key != COMMENT}
    return value


def flaws_of(expected: Any, *, schemas: Schemas) -> list[Flaw]:
    """Return the faults of *expected*, in its order; the files of ``$schema`` are looked up in *schemas*.

    A list is taken as a list of frames: several of them may capture the same name.
    """
    frames = items_of(expected, ()) if isinstance(expected, list) else [((), expected)]
    duplicates = (flaw for path, frame in frames for flaw in _duplicate_captures(frame, path))
    return [*_Inspection(schemas).value(expected, (), may_be_absent=False), *duplicates]


@dataclass(frozen=True, slots=True)
class _Inspection:
    schemas: Schemas

    def value(self, expected: Any, path: Keys, *, may_be_absent: bool) -> Iterator[Flaw]:
        if isinstance(expected, dict) and any(map(_is_operator_name, expected)):
            yield from self._operators(expected, path, may_be_absent=may_be_absent)
        else:
            for at, item in items_of(expected, path):
                yield from self.value(item, at, may_be_absent=isinstance(expected, dict))

    def _operators(self, expected: dict[str, Any], path: Keys, *, may_be_absent: bool) -> Iterator[Flaw]:
        for key, operand in expected.items():
            if key in OPERATORS:
                yield from self._operand(key, operand, (*path, key), may_be_absent=may_be_absent)
            elif _is_operator_name(key):
                yield Flaw((*path, key), _unknown(key))
            elif key != COMMENT:
                yield Flaw((*path, key), f'the key "{key}" cannot be combined with operators in one object')

    def _operand(self, name: str, operand: Any, path: Keys, *, may_be_absent: bool) -> Iterator[Flaw]:
        if name == "$absent" and not may_be_absent:
            yield Flaw(path, "$absent is only allowed as the value of a key")
        sentence = None
        if not _is_open(name, operand):
            sentence = operand_flaw(name, operand)
            if sentence is None and name == "$schema":
                sentence = self.schemas.flaw(operand)
        if sentence is not None:
            yield Flaw(path, sentence)
        elif name in NESTED:
            is_list = isinstance(operand, list) and name in LISTS
            allowed = may_be_absent and name != "$contains"
            for at, item in items_of(operand, path) if is_list else [(path, operand)]:
                yield from self.value(item, at, may_be_absent=allowed)


def _is_operator_name(key: str) -> bool:
    return key.startswith("$") and not key.startswith(("${", "$${"))


def _is_open(name: str, operand: Any) -> bool:
    """Return whether *operand* depends on a variable."""
    match name, operand:
        case "$capture", _:
            return False
        case ("$type", list()) | ("$schema", dict()):
            return "${" in json.dumps(operand)
    return isinstance(operand, str) and "${" in operand


def _duplicate_captures(frame: Any, path: Keys) -> Iterator[Flaw]:
    seen: set[str] = set()
    for name, at in _captures(frame, path):
        if name in seen:
            yield Flaw(at, f"{name} is captured twice in one frame")
        seen.add(name)


def _captures(expected: Any, path: Keys) -> Iterator[tuple[str, Keys]]:
    """Yield each name that a frame captures, with its path; once if it is in several alternatives."""
    for at, item in items_of(expected, path):
        match at[-1], item:
            case "$capture", str():
                yield item, at
            case "$one_of", list():
                yield from dict(reversed(list(_captures(item, at)))).items()
            case (("$not" | "$literal" | "$schema"), _):
                continue
            case _:
                yield from _captures(item, at)


def _unknown(name: str) -> str:
    near = get_close_matches(name, OPERATORS, n=1)
    hint = f"did you mean {near[0]}?" if near else 'to match a key of this name, use {"$literal": …}'
    return f"unknown operator {name}; {hint}"
