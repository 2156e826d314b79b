"""Whether a frame is what a scenario expects, and where it is not.

Both are plain JSON values. What is expected has no comments any more, and its variables are filled in. How an
expectation is written is told by ``docs/scenarios.md``. One that is written wrongly matches nothing;
:func:`flaws_of` tells beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from chateau.client.scenarios.assignment import Assignment, Pairing, paired, place
from chateau.client.scenarios.excerpt import as_json, as_json_pair
from chateau.client.scenarios.flaws import Flaw, flaws_of, operand_flaw, without_comments
from chateau.client.scenarios.mismatch import ABSENT, MATCHES, Match, Mismatch, below, joined, mismatch
from chateau.client.scenarios.operators import OPERATORS, TAKE_ABSENCE, counted, is_operators
from chateau.client.scenarios.schemas import BadSchema, Schemas

__all__ = [
    "Assignment",
    "BadSchema",
    "Flaw",
    "Match",
    "Mismatch",
    "Pairing",
    "Schemas",
    "assign",
    "closest",
    "flaws_of",
    "left_over",
    "match",
    "meant",
    "without_comments",
]

# Keys that say what a frame is about: one that has these right is rather the one that was meant.
TELLING = {"/type": 10, "/op": 10, "/function": 10, "/ref": 10, "/event": 10, "": 100}
COMPARED_CHARACTERS = 500  # of texts that are compared for how much they are alike


def match(expected: Any, got: Any, *, exact: bool = False, schemas: Schemas) -> Match:
    """Compare *got* with *expected*; *exact* allows it no other keys, at any depth."""
    try:
        return _Comparison(schemas, exact).compare(expected, got, "")
    except RecursionError:
        return mismatch("", as_json(expected), as_json(got), "nested too deeply to compare")


def assign(
    expected: Sequence[Any], got: Sequence[Any], *, exact: bool = False, schemas: Schemas
) -> Assignment | None:
    """Which of *got* each of *expected* takes, in any order; None where there are not enough that match.

    See :mod:`chateau.client.scenarios.assignment` for which are preferred.
    """
    if len(got) < len(expected):
        return None
    return place(_table(expected, got, exact, schemas))


def left_over(
    expected: Sequence[Any], got: Sequence[Any], *, exact: bool = False, schemas: Schemas
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where :func:`assign` finds nothing: the indices of *expected* that remain, and those of *got*."""
    return paired(_table(expected, got, exact, schemas)).left_over()


def _table(expected: Sequence[Any], got: Sequence[Any], exact: bool, schemas: Schemas) -> list[list[Match]]:
    return [[match(one, value, exact=exact, schemas=schemas) for value in got] for one in expected]


def closest(expected: Any, candidates: Sequence[Any], *, exact: bool = False, schemas: Schemas) -> int | None:
    """The index of the candidate that comes nearest to *expected*, the newest of equals; None without any."""
    distances = [_distance(expected, got, exact, schemas) for got in candidates]
    return min(range(len(distances)), key=lambda index: (distances[index], -index), default=None)


def meant(expected: Sequence[Any], got: Any, *, exact: bool = False, schemas: Schemas) -> int | None:
    """The index of that *expected* one that *got* comes nearest to, the first of equals; None without any."""
    distances = [_distance(one, got, exact, schemas) for one in expected]
    return min(range(len(distances)), key=distances.__getitem__, default=None)


def _distance(expected: Any, got: Any, exact: bool, schemas: Schemas) -> tuple[int, float]:
    mismatches = match(expected, got, exact=exact, schemas=schemas).mismatches
    return sum(TELLING.get(mismatch.path, 1) for mismatch in mismatches), -_likeness(expected, got)


def _likeness(expected: Any, got: Any) -> float:
    """From 0 to 1, for texts; other kinds have mismatches to count."""
    if not (isinstance(expected, str) and isinstance(got, str)):
        return 0.0
    return SequenceMatcher(None, expected[:COMPARED_CHARACTERS], got[:COMPARED_CHARACTERS]).ratio()


@dataclass(frozen=True, slots=True)
class _Comparison:
    schemas: Schemas
    exact: bool
    literal: bool = False

    def compare(self, expected: Any, got: Any, path: str) -> Match:
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
        return replace(self, exact=True).compare(expected, got, path)

    def literally(self, expected: Any, got: Any, path: str) -> Match:
        return replace(self, exact=True, literal=True).compare(expected, got, path)

    def _operate(self, name: str, operand: Any, got: Any, path: str) -> Match:
        if got is ABSENT and name not in TAKE_ABSENCE:
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
            found += [_not_expected(got[key], below(path, key)) for key in got if key not in expected]
        return joined(found)

    def _arrays(self, expected: list[Any], got: list[Any], path: str) -> Match:
        if len(expected) != len(got):
            return mismatch(path, counted(len(expected), "item"), str(len(got)))
        pairs = enumerate(zip(expected, got, strict=True))
        return joined([self.compare(one, other, below(path, index)) for index, (one, other) in pairs])


def equal(expected: Any, got: Any) -> bool:
    """Whether two values that are not containers are the same in JSON: 1 is 1.0, and true is not 1."""
    return isinstance(expected, bool) == isinstance(got, bool) and bool(expected == got)


def _missing(expected: Any, path: str) -> Match:
    return mismatch(path, as_json(expected), "nothing", "expected it to be there")


def _not_expected(got: Any, path: str) -> Match:
    return mismatch(path, "nothing", as_json(got), "not expected (exact)")
