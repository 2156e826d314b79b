"""Compare frames with expectations, and assign frames to expectations.

Both are plain JSON values. The expectation has no comments left, and its variables are filled in. An invalid
expectation matches nothing; :mod:`chateau.client.scenarios.lint` reports it before the scenario is played.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from chateau.client.scenarios.excerpts import as_json, as_json_pair
from chateau.client.scenarios.operators import (
    ABSENT,
    ACCEPT_ABSENCE,
    MATCHES,
    OPERATORS,
    Match,
    below,
    counted,
    is_operators,
    joined,
    mismatch,
    operand_flaw,
)
from chateau.client.scenarios.schemas import Schemas

# Keys that identify a frame: a candidate that differs in one of them is unlikely to be the intended one.
WEIGHTS = {"/type": 10, "/op": 10, "/function": 10, "/ref": 10, "/event": 10, "": 100}
COMPARED_CHARACTERS = 500  # of each text, to measure how similar two texts are


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

    def assign(self, table: list[list[Match]]) -> dict[str, Any] | None:
        """Return the captures if each row of *table* can take a column of its own that matches."""
        assignment = assign_table(table)
        return None if assignment is None else assignment.captures

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
            found += [_unexpected(got[key], below(path, key)) for key in got if key not in expected]
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


def _unexpected(got: Any, path: str) -> Match:
    return mismatch(path, "nothing", as_json(got), "not expected (exact)")


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


# Unordered expectations: a bipartite matching of expectations and frames.


@dataclass(frozen=True, slots=True)
class Assignment:
    """``taken`` has the index of the frame that each expectation takes."""

    taken: tuple[int, ...]
    captures: dict[str, Any]


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
    holders, _ = _paired(_table(expected, got, exact, schemas))
    unmet = (index for index, frame in enumerate(holders) if frame is None)
    return tuple(unmet), tuple(index for index in range(len(got)) if index not in holders)


def assign_table(table: Sequence[Sequence[Match]]) -> Assignment | None:
    """Return the assignment for *table*, which has a row per expectation and a column per frame."""
    holders, fitting = _paired(table)
    if None in holders:
        return None
    _settle(holders, fitting)
    taken = tuple(frame for frame in holders if frame is not None)
    matches = (row[frame] for row, frame in zip(table, taken, strict=True))
    return Assignment(taken, joined(matches).captures)


def _table(expected: Sequence[Any], got: Sequence[Any], exact: bool, schemas: Schemas) -> list[list[Match]]:
    return [[match(one, value, exact=exact, schemas=schemas) for value in got] for one in expected]


Holders = list[int | None]  # the frame that each expectation takes
Fitting = Sequence[Sequence[int]]  # the expectations that each frame matches


def _paired(table: Sequence[Sequence[Match]]) -> tuple[Holders, Fitting]:
    """Pair frames, the oldest first: once a frame is taken, a later one only moves it to another taker."""
    holders: Holders = [None] * len(table)
    fitting = [[row for row, one in enumerate(column) if one.matches] for column in zip(*table, strict=True)]
    for frame in range(len(fitting)):
        if None in holders:
            _augment(holders, fitting, frame, 0)
    return holders, fitting


def _augment(holders: Holders, fitting: Fitting, frame: int, first: int) -> bool:
    """Find a taker for *frame* among the expectations from *first* on; others may take another frame."""
    tried: set[int] = set()

    def place(frame: int) -> bool:
        for expectation in fitting[frame]:
            if expectation >= first and expectation not in tried:
                tried.add(expectation)
                held = holders[expectation]
                if held is None or place(held):
                    holders[expectation] = frame
                    return True
        return False

    return place(frame)


def _settle(holders: Holders, fitting: Fitting) -> None:
    """Give each expectation in turn the oldest of the taken frames that leaves enough for the rest."""
    for expectation, held in enumerate(holders):
        for frame in sorted(frame for frame in holders[expectation:] if frame is not None):
            if frame == held:
                break
            if expectation in fitting[frame]:
                before = list(holders)
                holders[holders.index(frame)], holders[expectation] = None, frame
                if held is not None and _augment(holders, fitting, held, expectation + 1):
                    break
                holders[:] = before
