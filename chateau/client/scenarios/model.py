"""The data model: a scenario as read from its file, and the results of playing scenarios.

:mod:`chateau.client.scenarios.load` makes the former, :mod:`chateau.client.scenarios.run` the latter.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from chateau.client.transcript import Entry

DEFAULT_TIMEOUT_SECONDS = 60.0


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # the server did not behave as the scenario requires
    ERROR = "error"  # the scenario could not be played: a bad file, no connection
    SKIPPED = "skipped"  # the server does not implement what it requires


NOT_PASSED = frozenset({Verdict.FAILED, Verdict.ERROR})


class Visibility(StrEnum):
    """Who can see a result, in Gradescope's terms."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    AFTER_DUE_DATE = "after_due_date"
    AFTER_PUBLISHED = "after_published"


@dataclass(frozen=True, slots=True)
class Location:
    """A file as the user named it, and a line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Client:
    """A client that a scenario declares."""

    name: str
    protocol: str
    url: str | None = None
    path: str | None = None
    channel: str | None = None
    local_address: str | None = None
    line_end: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its kind and value, its clients, and its other keys as ``options``.

    ``branches`` are the nested lists of steps: those of a ``parallel``, the single one of a ``repeat``.
    """

    kind: str
    value: Any
    clients: tuple[str, ...]
    options: Mapping[str, Any]
    location: Location
    branches: tuple[tuple["Step", ...], ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(self.clients)})" if self.clients else self.kind


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file."""

    name: str
    file: str
    folder: Path
    clients: Mapping[str, Client]
    steps: tuple[Step, ...]
    rule: str = ""
    description: str = ""
    strict: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    points: float = 1.0
    visibility: Visibility = Visibility.VISIBLE
    alone: bool = False
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    @property
    def end(self) -> Location:
        """The location reported for a fault that is found after the last step."""
        return self.steps[-1].location if self.steps else Location(self.file, 1)

    @property
    def stops_the_server(self) -> bool:
        return any(step.kind == "server" for step in every_step(self.steps))

    @property
    def plays_alone(self) -> bool:
        return self.alone or self.stops_the_server


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield *steps* and, recursively, the steps nested in them."""
    for step in steps:
        yield step
        for branch in step.branches:
            yield from every_step(branch)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a scenario did not pass.

    ``step`` is a short form of the step, such as ``expect (bob)``. ``differences`` are sentences such as
    ``/status: expected 200, got 400``. ``diff`` compares *expected* with *got* in lines that begin with ``-``
    (expected), ``+`` (got) or a space (both); it is empty where there is nothing to compare.
    """

    location: Location
    step: str
    sentence: str
    client: str | None = None
    differences: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one scenario.

    ``clients`` has the name and the protocol of each client, in the scenario's order. ``reason`` explains a
    skip or an error. ``notes`` are further texts to report, such as the stderr of a server that crashed.
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
    failure: Failure | None = None  # set for FAILED, and for an ERROR in a step
    reason: str = ""
    is_file_at_fault: bool = False  # for ERROR: the scenario file, not the connection
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return self.points if self.verdict is Verdict.PASSED else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one call of the test client, in the order of the scenarios."""

    results: tuple[Result, ...]
    server: str  # such as localhost:8888
    started_at: datetime
    seconds: float
    is_interrupted: bool = False


def summary(results: Iterable[Result]) -> str:
    """Return a summary such as ``3 scenarios: 2 passed, 1 failed.``"""
    counted = Counter(result.verdict for result in results)
    parts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict])
    return f"{counted.total()} scenario{'' if counted.total() == 1 else 's'}: {parts or 'none played'}."
