"""The outcomes of comparing frames with expectations, and the assignment of frames by their outcomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chateau.client.scenarios.excerpts import visible


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


# Unordered expectations: a bipartite matching of expectations and frames.


@dataclass(frozen=True, slots=True)
class Assignment:
    """``taken`` has the index of the frame that each expectation takes."""

    taken: tuple[int, ...]
    captures: dict[str, Any]


def assign_table(table: Sequence[Sequence[Match]]) -> Assignment | None:
    """Return the assignment for *table*, which has a row per expectation and a column per frame."""
    holders, fitting = paired(table)
    if None in holders:
        return None
    _settle(holders, fitting)
    taken = tuple(frame for frame in holders if frame is not None)
    matches = (row[frame] for row, frame in zip(table, taken, strict=True))
    return Assignment(taken, joined(matches).captures)


Holders = list[int | None]  # the frame that each expectation takes
Fitting = Sequence[Sequence[int]]  # the expectations that each frame matches


def paired(table: Sequence[Sequence[Match]]) -> tuple[Holders, Fitting]:
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
