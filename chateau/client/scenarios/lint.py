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
from chateau.client.strict_json import COMMENT, Keys

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
    frames = enumerate(expected) if isinstance(expected, list) else [(None, expected)]
    duplicates = [
        flaw
        for index, frame in frames
        for flaw in _duplicate_captures(frame, () if index is None else (index,))
    ]
    return [*_Inspection(schemas).value(expected, (), may_be_absent=False), *duplicates]


@dataclass(frozen=True, slots=True)
class _Inspection:
    schemas: Schemas

    def value(self, expected: Any, path: Keys, *, may_be_absent: bool) -> Iterator[Flaw]:
        match expected:
            case list():
                for index, item in enumerate(expected):
                    yield from self.value(item, (*path, index), may_be_absent=False)
            case dict() if any(map(_is_operator_name, expected)):
                yield from self._operators(expected, path, may_be_absent=may_be_absent)
            case dict():
                for key, item in expected.items():
                    yield from self.value(item, (*path, key), may_be_absent=True)

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
        sentence = None if _is_open(name, operand) else self._sentence(name, operand)
        if sentence is not None:
            yield Flaw(path, sentence)
        elif name in NESTED:
            yield from self._nested(name, operand, path, may_be_absent=may_be_absent)

    def _sentence(self, name: str, operand: Any) -> str | None:
        sentence = operand_flaw(name, operand)
        if sentence is not None or name != "$schema":
            return sentence
        return self.schemas.flaw(operand)

    def _nested(self, name: str, operand: Any, path: Keys, *, may_be_absent: bool) -> Iterator[Flaw]:
        allowed = may_be_absent and name != "$contains"
        if isinstance(operand, list) and name in LISTS:
            for index, item in enumerate(operand):
                yield from self.value(item, (*path, index), may_be_absent=allowed)
        else:
            yield from self.value(operand, path, may_be_absent=allowed)


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
    match expected:
        case list():
            for index, item in enumerate(expected):
                yield from _captures(item, (*path, index))
        case dict():
            for key, item in expected.items():
                yield from _captures_of_key(key, item, (*path, key))


def _captures_of_key(key: str, item: Any, path: Keys) -> Iterator[tuple[str, Keys]]:
    match key, item:
        case "$capture", str():
            yield item, path
        case "$one_of", list():
            yield from dict(reversed(list(_captures(item, path)))).items()
        case (("$not" | "$literal" | "$schema"), _):
            return
        case _:
            yield from _captures(item, path)


def _unknown(name: str) -> str:
    near = get_close_matches(name, OPERATORS, n=1)
    hint = f"did you mean {near[0]}?" if near else 'to match a key of this name, use {"$literal": …}'
    return f"unknown operator {name}; {hint}"
