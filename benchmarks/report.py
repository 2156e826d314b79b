"""The tables, the marks and the machine, as Markdown that is readable in a terminal."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from keeping import CROWD_MARK_MICROSECONDS, LONE_MARK_RATIO, PUBLISHERS, WINDOW
from publishing import Publishing
from scenarios import MEMORY_MARK_KIB, Run, Scenario
from servers import AIOHTTP_CHANNELS, CHATEAU, NODE
from watching import NOBODY
from workshop import LIBRARIES, NODE_MODULES, PEERS_PYTHON, ROOT

HEADING = (
    "# Performance\n\n"
    "Written by `make bench`; `benchmarks/README.md` describes the measurements and how to read them.\n\n"
)
Runs = dict[str, list[Run]]  # by server, one per round
HEAD = (
    "server",
    "µs CPU per frame",
    "lowest to highest",
    "of node ws",
    "frames/s",
    "p50 ms",
    "p99 ms",
    "bytes",
)


def load_table(scenario: Scenario, runs: Runs) -> str:
    """Return the table of one scenario: a row per server, medians over the rounds."""
    rows = [_row(name, own, ratio(runs, name)) for name, own in runs.items() if own]
    return f"## {scenario.title}\n\n{_table(HEAD, rows)}"


def memory_table(held: int, kib: dict[str, list[float]]) -> str:
    """Return the table of KiB per connection: a row per server."""
    rows = [(name, f"{median(own):.1f}", _span(own, 1)) for name, own in kib.items() if own]
    head = ("server", "KiB RSS per connection", "lowest to highest")
    return f"## Memory, {held:,} idle registered connections\n\n{_table(head, rows)}"


@dataclass(frozen=True, slots=True)
class Storage:
    """The cost of storage, one value per round: µs in a crowd, ms of a lone message and of a bare commit."""

    crowd: list[float]
    lone: list[float]
    bare: list[float]

    def add(self, crowd: float, lone: float, bare: float) -> None:
        """Add the values of a round."""
        self.crowd.append(crowd)
        self.lone.append(lone)
        self.bare.append(bare)

    @property
    def ratio(self) -> float | None:
        """Return a lone message's p50 as a multiple of a bare commit's: the median of the rounds' ratios."""
        ratios = [lone / bare for lone, bare in zip(self.lone, self.bare, strict=True)]
        return median(ratios) if ratios else None


def publish_table(what: Publishing, runs: Runs) -> str:
    """Return the table of publishing: a row per server."""
    rows = [
        (
            name,
            f"{median(run.microseconds for run in own):.1f}",
            _span([run.microseconds for run in own], 1),
            _latency(run.p50_ms for run in own),
            _latency(run.p99_ms for run in own),
        )
        for name, own in runs.items()
        if own
    ]
    head = ("server", "µs CPU per publish", "lowest to highest", "p50 ms", "p99 ms")
    return f"## {what.title}\n\n{_table(head, rows)}"


def watch_table(what: Scenario, runs: Runs) -> str:
    """Return the table of one load: a row per way of watching."""
    rows = [
        (
            state,
            f"{median(run.microseconds for run in own):.2f}",
            _span([run.microseconds for run in own], 2),
            _share(ratio(runs, state, NOBODY)),
            f"{median(run.frames_per_second for run in own):,.0f}",
        )
        for state, own in runs.items()
        if own
    ]
    head = ("", "µs CPU per frame", "lowest to highest", f"of while {NOBODY}", "frames/s")
    return f"## {what.title}\n\n{_table(head, rows)}"


def storage_table(storage: Storage) -> str:
    """Return the table of storage: a row per measurement."""
    measured = {
        f"{PUBLISHERS} publishers, {WINDOW} in flight each: µs CPU per message": (storage.crowd, 1),
        "a lone publisher: p50 ms to the acknowledgement": (storage.lone, 3),
        "a bare SQLite commit: p50 ms": (storage.bare, 3),
    }
    rows = [
        (title, f"{median(own):.{digits}f}", _span(own, digits))
        for title, (own, digits) in measured.items()
        if own
    ]
    table = _table(("", "median", "lowest to highest"), rows)
    return f"## Messages that are on disk before they are acknowledged\n\n{table}"


def publish_ratio(runs: Runs) -> float | None:
    """Return Chateau's CPU per publish as a share of aiohttp's: each round's ratio, and their median."""
    own, other = runs[CHATEAU.name], runs[AIOHTTP_CHANNELS.name]
    shares = [a.microseconds / b.microseconds for a, b in zip(own, other, strict=False) if b.microseconds]
    return median(shares) if shares else None


def marks(
    results: Sequence[tuple[Scenario, Runs]],
    publishings: Sequence[tuple[Publishing, Runs]],
    watchings: Sequence[tuple[Scenario, Runs]],
    storage: Storage,
    held: int,
    kib: dict[str, list[float]],
) -> str:
    """Return the table of the marks and whether Chateau reaches them."""
    rows = [
        (scenario.title, *_verdict(ratio(runs, CHATEAU.name), scenario.mark, "of node ws"))
        for scenario, runs in results
    ]
    rows += [
        (what.title, *_verdict(publish_ratio(runs), what.mark, "of aiohttp")) for what, runs in publishings
    ]
    rows += [
        (f"{what.title}: {state}", *_verdict(ratio(runs, state, NOBODY), what.mark, "of unwatched"))
        for what, runs in watchings
        for state in runs
        if state != NOBODY
    ]
    crowd = median(storage.crowd) if storage.crowd else None
    rows.append(("Stored, 100 publishers", *_verdict(crowd, CROWD_MARK_MICROSECONDS, "µs per message")))
    rows.append(("Stored, a lone publisher", *_verdict(storage.ratio, LONE_MARK_RATIO, "of a bare commit")))
    own = kib.get(CHATEAU.name)
    memory = _verdict(median(own) if own else None, MEMORY_MARK_KIB, "KiB per connection")
    rows.append((f"Memory, {held:,} held", *memory))
    return f"## Marks\n\n{_table(('Chateau', 'measured', 'mark', ''), rows)}"


def ratio(runs: Runs, name: str, base: str = NODE.name) -> float | None:
    """Return a server's CPU per frame as a share of *base*'s: each round's ratio, and their median.

    Both halves of a ratio come from the same minute, so that a machine that slows down shifts no ratio.
    """
    bases = runs.get(base, [])
    own = runs.get(name, [])
    shares = [a.microseconds / b.microseconds for a, b in zip(own, bases, strict=False) if b.microseconds]
    return median(shares) if shares else None


def machine(rounds: int, load_average: float) -> str:
    """Return the machine and the versions."""
    facts = {
        "Date": f"{datetime.now(UTC):%Y-%m-%d}",
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Load average at the start": f"{load_average:.2f}",
        "Rounds": str(rounds),
        "Chateau": f"{_chateau()}, Python {platform.python_version()}",
        "Peers": ", ".join(_peers()),
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def _row(name: str, own: Sequence[Run], share: float | None) -> tuple[str, ...]:
    microseconds = [run.microseconds for run in own]
    return (
        name,
        f"{median(microseconds):.2f}",
        _span(microseconds, 2),
        _share(share),
        f"{median(run.frames_per_second for run in own):,.0f}",
        _latency(run.p50_ms for run in own),
        _latency(run.p99_ms for run in own),
        f"{own[-1].frame_bytes:.0f}",
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _latency(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.2f}" if known else ""


def _span(values: Sequence[float], digits: int) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def _verdict(value: float | None, mark: float, unit: str) -> tuple[str, str, str]:
    if value is None:
        return "not measured", f"≤ {mark} {unit}", ""
    return f"{value:.3f}", f"≤ {mark} {unit}", "reached" if value <= mark else "MISSED"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join((first, *rest))} |"

    rule = "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join((line(head), f"|{rule}|", *map(line, rows)))


def _cpu_model() -> str:
    for fact in Path("/proc/cpuinfo").read_text().splitlines():
        if fact.startswith("model name"):
            return fact.partition(":")[2].strip()
    return platform.machine()


def _chateau() -> str:
    return _output("git", "-C", str(ROOT), "describe", "--always", "--dirty") or "no git"


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
