"""What playing scenarios came to: a verdict each, with everything that a report tells of it.

These are values. How they come about is told in :mod:`chateau.client.scenarios.player`; how they are
written down, in :mod:`chateau.client.reports`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chateau.client.transcript import Entry


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # the server did something else than the scenario says
    ERROR = "error"  # it could not be played: a bad file, no connection
    SKIPPED = "skipped"  # the server need not have what it requires


class Visibility(StrEnum):
    """Who sees a result, in Gradescope's words."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    AFTER_DUE_DATE = "after_due_date"
    AFTER_PUBLISHED = "after_published"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file as the user named it, and a line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a scenario did not pass.

    ``step`` is the step in a few words, such as ``expect (bob)``. ``differences`` are sentences such as
    ``/status: expected 200, got 400``. ``diff`` has *expected* beside *got* as lines that begin with ``-``
    (expected), ``+`` (got) or a blank (both); it is empty where there is nothing to compare.
    """

    place: Place
    step: str
    sentence: str
    client: str | None = None
    differences: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario, played.

    ``clients`` maps the name of each client to its protocol, in the scenario's order. ``reason`` is why it
    was skipped or could not be played. ``notes`` is what else should be told with it, such as what the server
    wrote to stderr when it crashed.
    """

    name: str
    file: str
    verdict: Verdict
    started_at: datetime  # with a time zone
    seconds: float
    rule: str = ""
    description: str = ""
    points: float = 1.0
    visibility: Visibility = Visibility.VISIBLE
    clients: tuple[tuple[str, str], ...] = ()
    transcript: tuple[Entry, ...] = ()
    failure: Failure | None = None  # where the verdict is failed, and where a step ran into an error
    reason: str = ""
    is_file_at_fault: bool = False  # and not the connection, where the verdict is error
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return self.points if self.verdict is Verdict.PASSED else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """All results of one call of the test client, in the order of the scenarios."""

    results: tuple[Result, ...]
    server: str  # such as localhost:8888
    started_at: datetime
    seconds: float
    is_interrupted: bool = False  # by whoever started it

    def count(self) -> Counter[Verdict]:
        return Counter(result.verdict for result in self.results)


def summary(results: Iterable[Result]) -> str:
    """Such as ``3 scenarios: 2 passed, 1 failed.``"""
    counted = Counter(result.verdict for result in results)
    parts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict])
    return f"{counted.total()} scenario{'' if counted.total() == 1 else 's'}: {parts or 'none played'}."
