"""What is wrong with an expectation as it is written, told before anything is played.

A place where a variable stands can only be judged once it is filled in, and is passed over until then.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from chateau.client.scenarios.excerpt import as_json
from chateau.client.scenarios.operators import OPERATORS, TYPES, compiled, is_integer, is_number
from chateau.client.scenarios.schemas import Schemas

COMMENT = "//"
CAPTURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Where in a value something is wrong, and what."""

    path: Path
    sentence: str


def without_comments(value: Any) -> Any:
    """*value* without its ``"//"`` keys, at any depth."""
    match value:
        case list():
            return [without_comments(item) for item in value]
        case dict():
            return {key: without_comments(item) for key, item in value.items() if key != COMMENT}
    return value


def flaws_of(expected: Any, *, schemas: Schemas | None = None) -> list[Flaw]:
    """What is wrong with *expected*, in its order; the files of ``$schema`` are looked for in *schemas*.

    A list may be one of frames: the same name may be captured in several of them.
    """
    frames = enumerate(expected) if isinstance(expected, list) else [(None, expected)]
    twice = [
        flaw for index, frame in frames for flaw in _captured_twice(frame, () if index is None else (index,))
    ]
    return [*_Inspection(schemas).value(expected, (), may_be_absent=False), *twice]


def operand_flaw(name: str, operand: Any) -> str | None:
    """What is wrong with *operand*, once it is filled in; a schema's file is not looked for."""
    return OPERANDS[name](operand) if name in OPERANDS else None


@dataclass(frozen=True, slots=True)
class _Inspection:
    schemas: Schemas | None

    def value(self, expected: Any, path: Path, *, may_be_absent: bool) -> Iterator[Flaw]:
        match expected:
            case list():
                for index, item in enumerate(expected):
                    yield from self.value(item, (*path, index), may_be_absent=False)
            case dict() if any(map(_is_operator_name, expected)):
                yield from self._operators(expected, path, may_be_absent=may_be_absent)
            case dict():
                for key, item in expected.items():
                    yield from self.value(item, (*path, key), may_be_absent=True)

    def _operators(self, expected: dict[str, Any], path: Path, *, may_be_absent: bool) -> Iterator[Flaw]:
        for key, operand in expected.items():
            if key in OPERATORS:
                yield from self._operand(key, operand, (*path, key), may_be_absent=may_be_absent)
            elif _is_operator_name(key):
                yield Flaw((*path, key), _unknown(key))
            elif key != COMMENT:
                yield Flaw((*path, key), f'the key "{key}" and an operator stand in one object')

    def _operand(self, name: str, operand: Any, path: Path, *, may_be_absent: bool) -> Iterator[Flaw]:
        if name == "$absent" and not may_be_absent:
            yield Flaw(path, "$absent says that a key is not there, and this is not the value of a key")
        sentence = None if _is_open(name, operand) else self._sentence(name, operand)
        if sentence is not None:
            yield Flaw(path, sentence)
        elif name in NESTED:
            yield from self._nested(name, operand, path, may_be_absent=may_be_absent)

    def _sentence(self, name: str, operand: Any) -> str | None:
        sentence = operand_flaw(name, operand)
        if sentence is not None or name != "$schema":
            return sentence
        if self.schemas is None:
            return None if isinstance(operand, str) else Schemas().flaw(operand)
        return self.schemas.flaw(operand)

    def _nested(self, name: str, operand: Any, path: Path, *, may_be_absent: bool) -> Iterator[Flaw]:
        passes_on = may_be_absent and name != "$contains"
        if isinstance(operand, list) and name in LISTS:
            for index, item in enumerate(operand):
                yield from self.value(item, (*path, index), may_be_absent=passes_on)
        else:
            yield from self.value(operand, path, may_be_absent=passes_on)


LISTS = {"$contains", "$one_of"}
NESTED = {"$not", "$exact", *LISTS}  # what they hold is an expectation, or a list of them


def _is_operator_name(key: str) -> bool:
    return key.startswith("$") and not key.startswith(("${", "$${"))


def _is_open(name: str, operand: Any) -> bool:
    """Whether it is for a variable to say what *operand* is."""
    match name, operand:
        case "$capture", _:
            return False
        case ("$type", list()) | ("$schema", dict()):
            return "${" in json.dumps(operand)
    return isinstance(operand, str) and "${" in operand


def _captured_twice(frame: Any, path: Path) -> Iterator[Flaw]:
    seen: set[str] = set()
    for name, place in _captures(frame, path):
        if name in seen:
            yield Flaw(place, f"{name} is captured twice in one frame")
        seen.add(name)


def _captures(expected: Any, path: Path) -> Iterator[tuple[str, Path]]:
    """The names that a frame would give values to, each with its place; once, where they are alternatives."""
    match expected:
        case list():
            for index, item in enumerate(expected):
                yield from _captures(item, (*path, index))
        case dict():
            for key, item in expected.items():
                yield from _captures_of_key(key, item, (*path, key))


def _captures_of_key(key: str, item: Any, path: Path) -> Iterator[tuple[str, Path]]:
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
    hint = f"did you mean {near[0]}?" if near else 'for a key of this name, say {"$literal": …}'
    return f"there is no operator {name}; {hint}"


def _true(name: str) -> Callable[[Any], str | None]:
    return lambda operand: None if operand is True else f"{name} takes true, not {as_json(operand)}"


def _type(operand: Any) -> str | None:
    names = operand if isinstance(operand, list) else [operand]
    wrong = [name for name in names if not isinstance(name, str) or name not in TYPES]
    if names and not wrong:
        return None
    return f"$type takes {', '.join(TYPES)} or a list of these, not {as_json(wrong[0] if wrong else [])}"


def _regex(operand: Any) -> str | None:
    if not isinstance(operand, str):
        return f"$regex takes a pattern, not {as_json(operand)}"
    try:
        compiled(operand)
    except re.error as exc:
        return f"{as_json(operand)} is no pattern: {exc}"
    return None


def _bound(name: str) -> Callable[[Any], str | None]:
    def sentence(operand: Any) -> str | None:
        fits = is_number(operand) or isinstance(operand, str)
        return None if fits else f"{name} takes a number or a string, not {as_json(operand)}"

    return sentence


def _length(operand: Any) -> str | None:
    fits = is_integer(operand) and operand >= 0
    return None if fits else f"$length takes a number of characters, items or keys, not {as_json(operand)}"


def _one_of(operand: Any) -> str | None:
    fits = isinstance(operand, list) and operand
    return None if fits else f"$one_of takes a list of what it may be, not {as_json(operand)}"


def _schema(operand: Any) -> str | None:
    fits = isinstance(operand, str | dict)
    return None if fits else f"$schema takes the name of a file or a schema, not {as_json(operand)}"


def _capture(operand: Any) -> str | None:
    fits = isinstance(operand, str) and CAPTURE_NAME.fullmatch(operand)
    return None if fits else f"$capture takes a name of letters, digits and _, not {as_json(operand)}"


OPERANDS: dict[str, Callable[[Any], str | None]] = {
    "$any": _true("$any"),
    "$absent": _true("$absent"),
    "$type": _type,
    "$regex": _regex,
    "$gt": _bound("$gt"),
    "$lt": _bound("$lt"),
    "$length": _length,
    "$one_of": _one_of,
    "$schema": _schema,
    "$capture": _capture,
}
