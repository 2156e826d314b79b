"""What the suite found, from its own report: counts by group, and each case that failed.

The suite judges a case twice: how the server behaved, and how the connection closed. A case fails here when
either is anything but one of :data:`PASSED`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PASSED = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED")
GROUPS = {
    "1": "Framing",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Close handshake",
    "9": "Limits and performance",
    "10": "Automatic fragmentation",
    "12": "Compression, payloads",
    "13": "Compression, parameters",
}
SHORT = 300  # characters of what was expected and what came


@dataclass(frozen=True, slots=True)
class Case:
    """One case's outcome; *file* holds the suite's own account of it."""

    id: str
    behavior: str
    close: str
    file: Path

    @property
    def failed(self) -> bool:
        return self.verdict not in PASSED

    @property
    def verdict(self) -> str:
        """The worse of the two judgements."""
        return self.close if self.behavior in PASSED and self.close not in PASSED else self.behavior

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]


def read(directory: Path) -> list[Case]:
    """The cases of the report in *directory*, in the order of their numbers; none without a report."""
    index = directory / "index.json"
    agents = json.loads(index.read_text()) if index.is_file() else {}
    cases = [
        Case(number, case["behavior"], case["behaviorClose"], directory / case["reportfile"])
        for outcomes in agents.values()
        for number, case in outcomes.items()
    ]
    return sorted(cases, key=lambda case: [int(number) for number in case.id.split(".")])


def counts(cases: Sequence[Case]) -> list[list[str]]:
    """Rows of a table: the heading, one a group, and all of them together."""
    verdicts = _columns(cases)
    rows = [["group", "cases", *verdicts]]
    for group in dict.fromkeys(case.group for case in cases):
        name = f"{group} {GROUPS.get(group, '')}".rstrip()
        rows.append(_row(name, [case for case in cases if case.group == group], verdicts))
    return [*rows, _row("all", cases, verdicts)]


def text(cases: Sequence[Case]) -> Iterator[str]:
    """The counts for a terminal, then each failed case with what was expected and what came."""
    rows = counts(cases)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        yield "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])])
    yield from _remarks(cases)
    for case in cases:
        if case.failed:
            yield from _explain(case)


def markdown(cases: Sequence[Case]) -> Iterator[str]:
    """The counts as a Markdown table, with nothing in it that changes from run to run."""
    heading, *rows = counts(cases)
    yield _markdown_row(heading)
    yield _markdown_row(["---", *["---:"] * (len(heading) - 1)])
    yield from map(_markdown_row, rows)
    for remark in _remarks(cases):
        yield ""
        yield f"{remark}."


def _columns(cases: Iterable[Case]) -> list[str]:
    return list(dict.fromkeys([*PASSED, "FAILED", *sorted(case.verdict for case in cases)]))


def _row(name: str, cases: Sequence[Case], verdicts: Sequence[str]) -> list[str]:
    seen = Counter(case.verdict for case in cases)
    return [name, str(len(cases)), *(str(seen[verdict]) for verdict in verdicts)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _remarks(cases: Sequence[Case]) -> Iterator[str]:
    for verdict in PASSED[1:]:
        ids = [case.id for case in cases if case.verdict == verdict]
        if ids:
            yield f"{verdict}: {', '.join(ids)}"


def _explain(case: Case) -> Iterator[str]:
    account = json.loads(case.file.read_text())
    wanted = account["expectedClose"].get("closeCode")
    yield ""
    yield f"{case.id} {case.behavior}, close {case.close}: {_plain(account['description'])}"
    yield f"    expected  {_plain(account['expectation'])}"
    yield f"              {_plain(account['expected'])}, close code in {wanted} or none"
    yield f"    got       {_plain(' '.join(dict.fromkeys([account['result'], account['resultClose']])))}"
    yield f"              {_plain(account['received'])}, close code {account['remoteCloseCode']}"


def _plain(found: Any) -> str:
    words = re.sub(r"<[^>]+>", " ", found) if isinstance(found, str) else json.dumps(found)
    line = " ".join(words.split())
    return line if len(line) <= SHORT else f"{line[:SHORT]} ..."
