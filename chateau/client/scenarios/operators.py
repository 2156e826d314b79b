"""The operators of an expectation: ``{"$regex": "^a"}`` and the like, a function each.

What they mean for the writer of a scenario is in ``docs/scenarios.md``. Whether one is written rightly is
told beforehand by :mod:`chateau.client.scenarios.flaws`; an operand that makes no sense matches nothing.
"""

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from chateau.client.scenarios.assignment import place
from chateau.client.scenarios.excerpt import as_json, shortened, visible
from chateau.client.scenarios.mismatch import ABSENT, MATCHES, Match, Mismatch, below, mismatch
from chateau.client.scenarios.schemas import BadSchema, Schemas

LONGEST_SENTENCE = 300


class Comparison(Protocol):
    """What an operator may ask of the comparison that it is part of."""

    @property
    def schemas(self) -> Schemas: ...

    def compare(self, expected: Any, got: Any, path: str) -> Match:
        """*expected* as it would be compared in this place."""
        ...

    def exactly(self, expected: Any, got: Any, path: str) -> Match:
        """The same, with no key too many."""
        ...

    def literally(self, expected: Any, got: Any, path: str) -> Match:
        """The same, with nothing in *expected* read as an operator."""
        ...


Operator = Callable[[Any, Any, str, Comparison], Match]

TYPES: dict[str, str] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "null": "null",
    "array": "an array",
    "object": "an object",
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """As JSON Schema has it: 1.0 is one, true is none."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def has_type(value: Any, name: Any) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "integer":
            return is_integer(value)
        case "number":
            return is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return False


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Raises :class:`re.error` where *pattern* is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # [[ may mean something else one day; it does not now
            return re.compile(pattern)
    except (OverflowError, RecursionError) as exc:
        raise re.error(str(exc)) from exc


def _any(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    return MATCHES


def _absent(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    if got is ABSENT:
        return MATCHES
    shown = as_json(got)
    return mismatch(path, "nothing", shown, f"expected it not to be there, got {shown}")


def _type(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    names = operand if isinstance(operand, list) else [operand]
    if any(has_type(got, name) for name in names):
        return MATCHES
    return mismatch(path, " or ".join(TYPES[name] for name in names), as_json(got))


def _regex(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    shown = visible(shortened(operand))
    if not isinstance(got, str):
        return mismatch(path, f"a string that matches {shown}", as_json(got))
    if compiled(operand).search(got):
        return MATCHES
    return mismatch(path, shown, as_json(got), f"{as_json(got)} does not match {shown}")


def _gt(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    if _are_comparable(operand, got) and got > operand:
        return MATCHES
    return mismatch(path, _bound(operand, "above", "after"), as_json(got))


def _lt(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    if _are_comparable(operand, got) and got < operand:
        return MATCHES
    return mismatch(path, _bound(operand, "below", "before"), as_json(got))


def _are_comparable(operand: Any, got: Any) -> bool:
    return isinstance(got, str) if isinstance(operand, str) else is_number(got)


def _bound(operand: Any, of_number: str, of_string: str) -> str:
    if isinstance(operand, str):
        return f"a string {of_string} {as_json(operand)}"
    return f"a number {of_number} {as_json(operand)}"


def _length(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    units: dict[type, str] = {str: "character", list: "item", dict: "key"}
    unit = units.get(type(got))
    if unit is None:
        return mismatch(path, f"something of length {as_json(operand)}", as_json(got))
    if len(got) == operand:
        return MATCHES
    return mismatch(path, counted(operand, unit), str(len(got)))


def counted(number: Any, unit: str) -> str:
    return f"{as_json(number)} {unit}{'' if number == 1 else 's'}"


def _contains(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    wanted = operand if isinstance(operand, list) else [operand]
    match got:
        case str():
            missing = (one for one in wanted if not isinstance(one, str) or one not in got)
            lacking = next(missing, ABSENT)
            return MATCHES if lacking is ABSENT else _lacking(lacking, got, path)
        case list():
            return _among(wanted, got, path, comparison)
    return mismatch(path, f"something that contains {as_json(operand)}", as_json(got))


def _among(wanted: list[Any], got: list[Any], path: str, comparison: Comparison) -> Match:
    found = [[comparison.compare(one, item, path) for item in got] for one in wanted]
    placed = place(found)
    if placed is not None:
        return Match(placed.captures)
    for one, row in zip(wanted, found, strict=True):
        if not any(match.matches for match in row):
            return _lacking(one, got, path)
    return mismatch(path, f"an item for each of {as_json(wanted)}", as_json(got))


def _lacking(wanted: Any, got: Any, path: str) -> Match:
    return mismatch(path, f"it to contain {as_json(wanted)}", as_json(got))


def _one_of(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    for branch in operand:
        found = comparison.compare(branch, got, path)
        if found.matches:
            return found
    shown = "nothing" if got is ABSENT else as_json(got)
    return mismatch(path, f"one of {as_json(operand)}", shown)


def _not(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    found = comparison.compare(operand, got, path)
    if not found.matches:
        return Match({}, tuple(mismatch for mismatch in found.mismatches if mismatch.is_flaw))
    return mismatch(path, f"anything but {as_json(operand)}", as_json(got))


def _schema(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    name = operand if isinstance(operand, str) else "the schema"
    try:
        errors = comparison.schemas.errors(operand, got)
    except BadSchema as exc:
        return mismatch(path, name, as_json(got), f"{name} cannot be used: {exc}", is_flaw=True)
    return Match({}, tuple(_broken(error, name, path) for error in errors))


def _broken(error: Any, name: str, path: str) -> Mismatch:
    for step in error.absolute_path:
        path = below(path, step)
    says = f"{shortened(error.message, LONGEST_SENTENCE)} ({name})"
    return Mismatch(path, name, as_json(error.instance), says)


def _exact(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    return comparison.exactly(operand, got, path)


def _literal(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    return comparison.literally(operand, got, path)


def _capture(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    return Match({operand: got})


OPERATORS: dict[str, Operator] = {
    "$any": _any,
    "$absent": _absent,
    "$type": _type,
    "$regex": _regex,
    "$gt": _gt,
    "$lt": _lt,
    "$length": _length,
    "$contains": _contains,
    "$one_of": _one_of,
    "$not": _not,
    "$schema": _schema,
    "$exact": _exact,
    "$literal": _literal,
    "$capture": _capture,
}

TAKE_ABSENCE = {"$absent", "$one_of", "$exact"}  # the others need a value to look at


def is_operators(value: Any) -> bool:
    """Whether *value* stands for what its operators match, and not for itself."""
    return isinstance(value, dict) and bool(value) and value.keys() <= OPERATORS.keys()
