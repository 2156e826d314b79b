"""Compare frames with expectations, such as ``{"type": 1, "name": {"$regex": "^a"}}``.

Both are plain JSON values. The expectation has no comments left, and its variables are filled in. An invalid
expectation matches nothing; :mod:`chateau.client.scenarios.lint` reports it before the scenario is played.

:data:`OPERATORS` has a function for each operator, :data:`OPERANDS` a check of its operand. docs/scenarios.md
describes the operators for the authors of scenarios.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from operator import gt, lt
from typing import Any, Final

from chateau.client.scenarios.excerpts import as_json, as_json_pair, shortened, visible
from chateau.client.scenarios.outcomes import (
    MATCHES,
    Assignment,
    Match,
    Mismatch,
    assign_table,
    joined,
    mismatch,
    paired,
)
from chateau.client.scenarios.schemas import BadSchema, Schemas
from chateau.client.strict_json import pointer

# Keys that identify a frame: a candidate that differs in one of them is unlikely to be the intended one.
WEIGHTS = {"/type": 10, "/op": 10, "/function": 10, "/ref": 10, "/event": 10, "": 100}
COMPARED_CHARACTERS = 500  # of each text, to measure how similar two texts are
LONGEST_SENTENCE = 300
CAPTURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


ABSENT: Final = object()
"""The value of a key that is missing."""


def match(expected: Any, got: Any, *, exact: bool = False, schemas: Schemas) -> Match:
    """Compare *got* with *expected*; *exact* rejects additional keys at any depth."""
    try:
        return Comparison(schemas, exact).compare(expected, got, "")
    except RecursionError:
        return mismatch("", as_json(expected), as_json(got), "nested too deeply to compare")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison; operators use it for the expectations in their operands."""

    schemas: Schemas
    exact: bool
    literal: bool = False

    def compare(self, expected: Any, got: Any, path: str) -> Match:
        """Compare in the mode of this comparison."""
        if not self.literal and is_operators(expected):
            return joined(self._operate(name, expected[name], got, path) for name in expected)
        if got is ABSENT:
            return _missing(expected, path)
        match expected, got:
            case dict(), dict():
                return self._objects(expected, got, path)
            case list(), list():
                return self._arrays(expected, got, path)
        return MATCHES if equal(expected, got) else mismatch(path, *as_json_pair(expected, got))

    def exactly(self, expected: Any, got: Any, path: str) -> Match:
        """Compare, and reject additional keys."""
        return replace(self, exact=True).compare(expected, got, path)

    def literally(self, expected: Any, got: Any, path: str) -> Match:
        """Compare exactly, without operators in *expected*."""
        return replace(self, exact=True, literal=True).compare(expected, got, path)

    def _operate(self, name: str, operand: Any, got: Any, path: str) -> Match:
        if got is ABSENT and name not in ACCEPT_ABSENCE:
            return _missing({name: operand}, path)
        flaw = operand_flaw(name, operand)
        if flaw is not None:
            return mismatch(path, as_json({name: operand}), "", flaw, is_flaw=True)
        return OPERATORS[name](operand, got, path, self)

    def _objects(self, expected: dict[str, Any], got: dict[str, Any], path: str) -> Match:
        found = [
            self.compare(value, got.get(key, ABSENT), below(path, key)) for key, value in expected.items()
        ]
        if self.exact:
            found += [
                mismatch(below(path, key), "nothing", as_json(value), "not expected (exact)")
                for key, value in got.items()
                if key not in expected
            ]
        return joined(found)

    def _arrays(self, expected: list[Any], got: list[Any], path: str) -> Match:
        if len(expected) != len(got):
            return mismatch(path, counted(len(expected), "item"), str(len(got)))
        pairs = enumerate(zip(expected, got, strict=True))
        return joined([self.compare(one, other, below(path, index)) for index, (one, other) in pairs])


def equal(expected: Any, got: Any) -> bool:
    """Return whether two scalars are equal in JSON: 1 equals 1.0, and true does not equal 1."""
    return isinstance(expected, bool) == isinstance(got, bool) and bool(expected == got)


def _missing(expected: Any, path: str) -> Match:
    return mismatch(path, as_json(expected), "nothing", "expected it to be present")


def below(path: str, *keys: str | int) -> str:
    """Return the JSON Pointer to what *keys* lead to, from the value at *path*."""
    return path + pointer(keys)


# Operators


Operator = Callable[[Any, Any, str, Comparison], Match]


def _absent(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    if got is ABSENT:
        return MATCHES
    shown = as_json(got)
    return mismatch(path, "nothing", shown, f"expected it to be absent, got {shown}")


def _type(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    names = operand if isinstance(operand, list) else [operand]
    if any(TYPES[name][1](got) for name in names):
        return MATCHES
    return mismatch(path, " or ".join(TYPES[name][0] for name in names), as_json(got))


def _regex(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    shown = visible(shortened(operand))
    if not isinstance(got, str):
        return mismatch(path, f"a string that matches {shown}", as_json(got))
    if compiled(operand).search(got):
        return MATCHES
    return mismatch(path, shown, as_json(got), f"{as_json(got)} does not match {shown}")


def _bound(is_within: Callable[[Any, Any], bool], number: str, string: str) -> Operator:
    def compare(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
        is_string = isinstance(operand, str)
        if (isinstance(got, str) if is_string else is_number(got)) and is_within(got, operand):
            return MATCHES
        return mismatch(path, f"{string if is_string else number} {as_json(operand)}", as_json(got))

    return compare


def _length(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    units: dict[type, str] = {str: "character", list: "item", dict: "key"}
    unit = units.get(type(got))
    if unit is None:
        return mismatch(path, f"a value of length {as_json(operand)}", as_json(got))
    if len(got) == operand:
        return MATCHES
    return mismatch(path, counted(operand, unit), str(len(got)))


def counted(number: Any, unit: str) -> str:
    return f"{as_json(number)} {unit}{'' if number == 1 else 's'}"


def _contains(operand: Any, got: Any, path: str, comparison: Comparison) -> Match:
    wanted = operand if isinstance(operand, list) else [operand]
    if isinstance(got, str):
        missing = [one for one in wanted if not isinstance(one, str) or one not in got]
        return _lacking(missing[0], got, path) if missing else MATCHES
    if not isinstance(got, list):
        return mismatch(path, f"a value that contains {as_json(operand)}", as_json(got))
    table = [[comparison.compare(one, item, path) for item in got] for one in wanted]
    assignment = assign_table(table)
    if assignment is not None:
        return Match(assignment.captures)
    for one, row in zip(wanted, table, strict=True):
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
    return Match({}, tuple(_violation(error, name, path) for error in errors))


def _violation(error: Any, name: str, path: str) -> Mismatch:
    text = f"{shortened(error.message, LONGEST_SENTENCE)} ({name})"
    return Mismatch(below(path, *error.absolute_path), name, as_json(error.instance), text)


OPERATORS: dict[str, Operator] = {
    "$any": lambda *_: MATCHES,
    "$absent": _absent,
    "$type": _type,
    "$regex": _regex,
    "$gt": _bound(gt, "a number above", "a string after"),
    "$lt": _bound(lt, "a number below", "a string before"),
    "$length": _length,
    "$contains": _contains,
    "$one_of": _one_of,
    "$not": _not,
    "$schema": _schema,
    "$exact": lambda operand, got, path, comparison: comparison.exactly(operand, got, path),
    "$literal": lambda operand, got, path, comparison: comparison.literally(operand, got, path),
    "$capture": lambda operand, got, *_: Match({operand: got}),
}

ACCEPT_ABSENCE = {"$absent", "$one_of", "$exact"}  # the other operators need a value


def is_operators(value: Any) -> bool:
    """Return whether *value* is an object of operators, rather than a literal value."""
    return isinstance(value, dict) and bool(value) and value.keys() <= OPERATORS.keys()


# The operands of operators


TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "integer": ("an integer", lambda value: is_integer(value)),
    "number": ("a number", lambda value: is_number(value)),
    "boolean": ("a boolean", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
    "array": ("an array", lambda value: isinstance(value, list)),
    "object": ("an object", lambda value: isinstance(value, dict)),
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Return whether JSON Schema considers *value* an integer: 1.0 is, true is not."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile *pattern*. Raises :class:`re.error`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # [[ may get another meaning in a later version of Python
            return re.compile(pattern)
    except (OverflowError, RecursionError) as exc:
        raise re.error(str(exc)) from exc


OPERANDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "$any": (lambda operand: operand is True, "true"),
    "$absent": (lambda operand: operand is True, "true"),
    "$type": (lambda operand: _are_types(operand), f"{', '.join(TYPES)} or a list of these"),
    "$regex": (lambda operand: isinstance(operand, str), "a pattern"),
    "$gt": (lambda operand: isinstance(operand, str) or is_number(operand), "a number or a string"),
    "$lt": (lambda operand: isinstance(operand, str) or is_number(operand), "a number or a string"),
    "$length": (
        lambda operand: is_integer(operand) and bool(operand >= 0),
        "a number of characters, items or keys",
    ),
    "$one_of": (lambda operand: isinstance(operand, list) and bool(operand), "a list of alternatives"),
    "$schema": (lambda operand: isinstance(operand, str | dict), "the name of a file or a schema"),
    "$capture": (lambda operand: _is_name(operand), "a name of letters, digits and _"),
}
"""For each operator, a check of its operand, and the operand that it takes."""


def _is_name(operand: Any) -> bool:
    return isinstance(operand, str) and CAPTURE_NAME.fullmatch(operand) is not None


def _are_types(operand: Any) -> bool:
    names = operand if isinstance(operand, list) else [operand]
    return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)


def operand_flaw(name: str, operand: Any) -> str | None:
    """Return the fault of *operand* once variables are filled in; the file of a schema is not looked up."""
    if name not in OPERANDS:
        return None
    is_valid, expected = OPERANDS[name]
    if not is_valid(operand):
        return f"{name} takes {expected}, not {as_json(_wrong_part(name, operand))}"
    if name == "$regex":
        try:
            compiled(operand)
        except re.error as exc:
            return f"{as_json(operand)} is not a valid pattern: {exc}"
    return None


def _wrong_part(name: str, operand: Any) -> Any:
    """Return the first invalid name in the list of a ``$type``; otherwise the operand."""
    if name == "$type" and isinstance(operand, list):
        return next((one for one in operand if not isinstance(one, str) or one not in TYPES), operand)
    return operand


# The closest frame, for error messages.


def closest(expected: Any, candidates: Sequence[Any], *, exact: bool = False, schemas: Schemas) -> int | None:
    """Return the index of the candidate closest to *expected*, the newest of equals; None without any."""
    distances = [_distance(expected, got, exact, schemas) for got in candidates]
    return min(range(len(distances)), key=lambda index: (distances[index], -index), default=None)


def closest_expectation(
    expected: Sequence[Any], got: Any, *, exact: bool = False, schemas: Schemas
) -> int | None:
    """Return the index of the expectation closest to *got*, the first of equals; None without any."""
    distances = [_distance(one, got, exact, schemas) for one in expected]
    return min(range(len(distances)), key=distances.__getitem__, default=None)


def _distance(expected: Any, got: Any, exact: bool, schemas: Schemas) -> tuple[int, float]:
    mismatches = match(expected, got, exact=exact, schemas=schemas).mismatches
    return sum(WEIGHTS.get(mismatch.path, 1) for mismatch in mismatches), -_similarity(expected, got)


def _similarity(expected: Any, got: Any) -> float:
    """Return from 0 to 1 how similar two texts are; 0 for values, whose mismatches are counted."""
    if not (isinstance(expected, str) and isinstance(got, str)):
        return 0.0
    return SequenceMatcher(None, expected[:COMPARED_CHARACTERS], got[:COMPARED_CHARACTERS]).ratio()


# Frames in any order


def assign(
    expected: Sequence[Any], got: Sequence[Any], *, exact: bool = False, schemas: Schemas
) -> Assignment | None:
    """Assign one of *got* to each of *expected*, in any order; None if not all can be matched.

    The assigned frames are the oldest that fit, so that the result does not depend on whether a frame arrives
    before or during the wait. Among these frames, the first expectation takes the oldest that it can, then
    the second.
    """
    if len(got) < len(expected):
        return None
    return assign_table(_table(expected, got, exact, schemas))


def unmatched(
    expected: Sequence[Any], got: Sequence[Any], *, exact: bool = False, schemas: Schemas
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the indices of *expected* and of *got* that remain where :func:`assign` returns None."""
    holders, _ = paired(_table(expected, got, exact, schemas))
    unmet = (index for index, frame in enumerate(holders) if frame is None)
    return tuple(unmet), tuple(index for index in range(len(got)) if index not in holders)


def _table(expected: Sequence[Any], got: Sequence[Any], exact: bool, schemas: Schemas) -> list[list[Match]]:
    return [[match(one, value, exact=exact, schemas=schemas) for value in got] for one in expected]
