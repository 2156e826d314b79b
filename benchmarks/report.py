"""The tables, the marks and the machine, as Markdown that is readable in a terminal."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from loads import Values
from servers import CHATEAU, NODE_MODULES, PEERS_PYTHON, ROOT

HEADING = (
    "# Performance\n\n"
    "Written by `make bench`; `benchmarks/README.md` describes the measurements and how to read them.\n\n"
)
LIBRARIES = ("tornado", "websockets", "aiohttp", "picows", "uvloop", "orjson")

QUANTITIES = {
    "us_cpu": ("µs CPU per {unit}", 2),
    "kib": ("KiB RSS per {unit}", 1),
    "frames_per_s": ("frames/s", 0),
    "p50_ms": ("p50 ms", 2),
    "p99_ms": ("p99 ms", 2),
    "mean_len": ("bytes", 0),
}
"""The column of each quantity, and its digits."""


@dataclass(frozen=True, slots=True)
class Result:
    """A measurement and its *runs*, by subject (mostly servers), one per round.

    The *mark* of each of the *judged* subjects is for the median of *quantity*, or for its ratio to *base*.
    """

    title: str
    mark: float
    unit: str = "frame"
    quantity: str = "us_cpu"
    base: str = ""
    judged: Sequence[str] = (CHATEAU.name,)
    runs: dict[str, list[Values]] = field(default_factory=dict)

    def value(self, subject: str) -> float | None:
        """Return the median of the rounds of *subject*: of its ratios to the base, if there is one.

        Both halves of a ratio come from the same minute, so that a machine that slows down shifts no ratio.
        """
        own = [run[self.quantity] for run in self.runs.get(subject, [])]
        if self.base:
            base = [run[self.quantity] for run in self.runs.get(self.base, [])]
            own = [one / other for one, other in zip(own, base, strict=False) if other]
        return median(own) if own else None

    def head(self, quantity: str) -> str:
        """Return the head of the column of *quantity*."""
        return QUANTITIES[quantity][0].format(unit=self.unit)

    def table(self) -> str:
        """Return the table: a row per subject, medians over the rounds."""
        measured = {key for runs in self.runs.values() for run in runs for key in run}
        others = [key for key in QUANTITIES if key in measured and key != self.quantity]
        ratio = [f"of {self.base}"] if self.base else []
        heads = ["", self.head(self.quantity), "lowest to highest", *ratio, *map(self.head, others)]
        rows = []
        for subject, runs in self.runs.items():
            if runs:
                first = subject, _median(self.quantity, runs), _span(self.quantity, runs)
                ratio = [_number(self.value(subject), 2)] if self.base else []
                rows.append((*first, *ratio, *(_median(key, runs) for key in others)))
        return f"## {self.title}\n\n{_table(heads, rows)}"

    def verdicts(self) -> Iterable[tuple[str, ...]]:
        """Yield the row of each mark, and whether Chateau reaches it."""
        unit = f"of {self.base}" if self.base else self.head(self.quantity)
        for subject in self.judged:
            title = self.title if len(self.judged) == 1 else f"{self.title}: {subject}"
            value = self.value(subject)
            verdict = "" if value is None else "reached" if value <= self.mark else "MISSED"
            yield title, _number(value, 3) or "not measured", f"≤ {self.mark} {unit}", verdict


def report(results: Sequence[Result]) -> str:
    """Return all tables, and the table of the marks."""
    verdicts = [row for result in results for row in result.verdicts()]
    marks = f"## Marks\n\n{_table(('Chateau', 'measured', 'mark', ''), verdicts)}"
    return "\n\n".join((*(result.table() for result in results), marks))


def machine(rounds: int, load_average: float) -> str:
    """Return the machine and the versions."""
    commit = _output("git", "-C", str(ROOT), "describe", "--always", "--dirty") or "no git"
    facts = {
        "Date": f"{datetime.now(UTC):%Y-%m-%d}",
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Load average at the start": f"{load_average:.2f}",
        "Rounds": str(rounds),
        "Chateau": f"{commit}, Python {platform.python_version()}",
        "Peers": ", ".join(_peers()),
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _median(key: str, runs: Sequence[Values]) -> str:
    values = [run[key] for run in runs if key in run]
    return _number(median(values) if values else None, QUANTITIES[key][1])


def _span(key: str, runs: Sequence[Values]) -> str:
    low, *_, high = sorted(run[key] for run in runs) * 2
    return " to ".join(_number(value, QUANTITIES[key][1]) for value in (low, high))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    first, *others = widths

    def line(cells: Sequence[str]) -> str:
        aligned = (cell.rjust(width) for cell, width in zip(cells[1:], others, strict=True))
        return f"| {' | '.join((cells[0].ljust(first), *aligned))} |"

    rule = "|".join(("-" * (first + 2), *("-" * (width + 1) + ":" for width in others)))
    return "\n".join((line(head), f"|{rule}|", *map(line, rows)))


def _cpu_model() -> str:
    for fact in Path("/proc/cpuinfo").read_text().splitlines():
        if fact.startswith("model name"):
            return fact.partition(":")[2].strip()
    return platform.machine()


def _peers() -> Iterable[str]:
    version = _output("node", "--version")
    package = NODE_MODULES / "ws" / "package.json"
    if version and package.exists():
        yield f"node {version.removeprefix('v')}"
        yield f"ws {json.loads(package.read_text())['version']}"
    ask = f"import importlib.metadata as m; [print(name, m.version(name)) for name in {LIBRARIES!r}]"
    yield from _output(str(PEERS_PYTHON), "-c", ask).splitlines()


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
