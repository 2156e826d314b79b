"""What a comparison comes to: what was captured, or where the two differ.

These are values; :mod:`chateau.client.scenarios.matching` makes them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from chateau.client.scenarios.excerpt import visible


class Absent(Enum):
    """What stands in the place of a value where a key is not there."""

    ABSENT = "nothing"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where a frame is not what was expected.

    ``path`` is a JSON Pointer (RFC 6901), empty for the whole frame. ``says`` is the sentence where
    *expected … got …* would not be plain enough. ``is_flaw`` says that the expectation is at fault: it makes
    no sense, so that not even its opposite can hold.
    """

    path: str
    expected: str
    got: str
    says: str = ""
    is_flaw: bool = False

    @property
    def sentence(self) -> str:
        says = self.says or f"expected {self.expected}, got {self.got}"
        return visible(f"{self.path}: {says}" if self.path else says)


@dataclass(frozen=True, slots=True)
class Match:
    """How a frame compares with what is expected; there are captures only where all of it matches."""

    captures: dict[str, Any] = field(default_factory=dict)
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def matches(self) -> bool:
        return not self.mismatches


MATCHES: Final = Match()


def joined(matches: Iterable[Match]) -> Match:
    """All of *matches* as one."""
    captures: dict[str, Any] = {}
    mismatches: list[Mismatch] = []
    for match in matches:
        captures.update(match.captures)
        mismatches += match.mismatches
    return Match({}, tuple(mismatches)) if mismatches else Match(captures)


def mismatch(path: str, expected: str, got: str, says: str = "", *, is_flaw: bool = False) -> Match:
    return Match({}, (Mismatch(path, expected, got, says, is_flaw),))


def below(path: str, step: str | int) -> str:
    """The JSON Pointer to *step* of what *path* points at."""
    return f"{path}/{str(step).replace('~', '~0').replace('/', '~1')}"
