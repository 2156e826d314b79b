"""The document: what a scenario file says, as values.

How one is read and checked is told in :mod:`chateau.client.scenarios.reading`, how it is played in
:mod:`chateau.client.scenarios.player`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chateau.client.scenarios.result import Place, Visibility

KINDS = (
    "connect",
    "send",
    "send_raw",
    "expect",
    "expect_nothing",
    "expect_close",
    "close",
    "http",
    "sleep",
    "parallel",
    "barrier",
    "repeat",
    "server",
)
DEFAULT_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Client:
    """One of a scenario's clients, as it is written."""

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
    """One step: what it does, for which clients, and what stands beside that.

    ``branches`` are the steps inside a step: the lists of a ``parallel``, the one list of a ``repeat``.
    """

    kind: str
    value: Any
    clients: tuple[str, ...]
    options: Mapping[str, Any]
    place: Place
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
    def end(self) -> Place:
        """Where something is told that is found too late for any step."""
        return self.steps[-1].place if self.steps else Place(self.file, 1)

    @property
    def stops_the_server(self) -> bool:
        return any(step.kind == "server" for step in every_step(self.steps))


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    """*steps*, and those inside them."""
    for step in steps:
        yield step
        for branch in step.branches:
            yield from every_step(branch)
