"""The operators of an expectation, such as ``{"$regex": "^a"}``, and the outcome of a comparison.

:data:`OPERATORS` has a function for each operator, :data:`OPERANDS` a check of its operand. docs/scenarios.md
describes the operators for the authors of scenarios.
"""

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from operator import gt, lt
from typing import TYPE_CHECKING, Any, Final

from chateau.client.scenarios.excerpts import as_json, shortened, visible
from chateau.client.scenarios.schemas import BadSchema
from chateau.client.strict_json import pointer

if TYPE_CHECKING:
    from chateau.client.scenarios.match import Comparison

LONGEST_SENTENCE = 300
CAPTURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Absent(Enum):
    """The value of a key that is missing."""

    ABSENT = "nothing"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A position at which a frame differs from the expectation.

    ``path`` is a JSON Pointer (RFC 6901), empty for the whole frame. ``text`` replaces the default sentence,
    *expected … got …*. ``is_flaw`` marks a fault of the expectation itself: it is invalid, so that its
    negation does not match either.
    """

    path: str
    expected: str
    got: str
    text: str = ""
    is_flaw: bool = False

    @property
    def sentence(self) -> str:
        text = self.text or f"expected {self.expected}, got {self.got}"
        return visible(f"{self.path}: {text}" if self.path else text)


@dataclass(frozen=True, slots=True)
class Match:
    """The outcome of a comparison: captures if everything matches, mismatches if not."""

    captures: dict[str, Any] = field(default_factory=dict)
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def matches(self) -> bool:
        return not self.mismatches


MATCHES: Final = Match()


def joined(matches: Iterable[Match]) -> Match:
    """Combine *matches* into one."""
    captures: dict[str, Any] = {}
    mismatches: list[Mismatch] = []
    for match in matches:
        captures.update(match.captures)
        mismatches += match.mismatches
    return Match({}, tuple(mismatches)) if mismatches else Match(captures)


def mismatch(path: str, expected: str, got: str, text: str = "", *, is_flaw: bool = False) -> Match:
    return Match({}, (Mismatch(path, expected, got, text, is_flaw),))


def below(path: str, *keys: str | int) -> str:
    """Return the JSON Pointer to what *keys* lead to, from the value at *path*."""
    return path + pointer(keys)


Operator = Callable[[Any, Any, str, "Comparison"], Match]

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


def _absent(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    if got is ABSENT:
        return MATCHES
    shown = as_json(got)
    return mismatch(path, "nothing", shown, f"expected it to be absent, got {shown}")


def _type(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    names = operand if isinstance(operand, list) else [operand]
    if any(TYPES[name][1](got) for name in names):
        return MATCHES
    return mismatch(path, " or ".join(TYPES[name][0] for name in names), as_json(got))


def _regex(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    shown = visible(shortened(operand))
    if not isinstance(got, str):
        return mismatch(path, f"a string that matches {shown}", as_json(got))
    if compiled(operand).search(got):
        return MATCHES
    return mismatch(path, shown, as_json(got), f"{as_json(got)} does not match {shown}")


def _bound(is_within: Callable[[Any, Any], bool], number: str, string: str) -> Operator:
    def compare(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
        is_string = isinstance(operand, str)
        if (isinstance(got, str) if is_string else is_number(got)) and is_within(got, operand):
            return MATCHES
        return mismatch(path, f"{string if is_string else number} {as_json(operand)}", as_json(got))

    return compare


def _length(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    units: dict[type, str] = {str: "character", list: "item", dict: "key"}
    unit = units.get(type(got))
    if unit is None:
        return mismatch(path, f"a value of length {as_json(operand)}", as_json(got))
    if len(got) == operand:
        return MATCHES
    return mismatch(path, counted(operand, unit), str(len(got)))


def counted(number: Any, unit: str) -> str:
    return f"{as_json(number)} {unit}{'' if number == 1 else 's'}"


def _contains(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    wanted = operand if isinstance(operand, list) else [operand]
    if isinstance(got, str):
        missing = [one for one in wanted if not isinstance(one, str) or one not in got]
        return _lacking(missing[0], got, path) if missing else MATCHES
    if not isinstance(got, list):
        return mismatch(path, f"a value that contains {as_json(operand)}", as_json(got))
    table = [[comparison.compare(one, item, path) for item in got] for one in wanted]
    captures = comparison.assign(table)
    if captures is not None:
        return Match(captures)
    for one, row in zip(wanted, table, strict=True):
        if not any(match.matches for match in row):
            return _lacking(one, got, path)
    return mismatch(path, f"an item for each of {as_json(wanted)}", as_json(got))


def _lacking(wanted: Any, got: Any, path: str) -> Match:
    return mismatch(path, f"it to contain {as_json(wanted)}", as_json(got))


def _one_of(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    for branch in operand:
        found = comparison.compare(branch, got, path)
        if found.matches:
            return found
    shown = "nothing" if got is ABSENT else as_json(got)
    return mismatch(path, f"one of {as_json(operand)}", shown)


def _not(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
    found = comparison.compare(operand, got, path)
    if not found.matches:
        return Match({}, tuple(mismatch for mismatch in found.mismatches if mismatch.is_flaw))
    return mismatch(path, f"anything but {as_json(operand)}", as_json(got))


def _schema(operand: Any, got: Any, path: str, comparison: "Comparison") -> Match:
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
