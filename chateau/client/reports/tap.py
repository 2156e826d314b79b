"""TAP 14, the Test Anything Protocol: a line per scenario, with a YAML block if it did not pass.

The values in a block are JSON, which is valid YAML, so that no string is read as another type.
"""

import json
from collections.abc import Iterator
from typing import Any

from chateau.client.reports.text_format import failure_lines, parts_of, sentence
from chateau.client.scenarios.model import Failure, Result, Run, Verdict
from chateau.client.terminal import one_line

_SEVERITIES = {Verdict.FAILED: "fail", Verdict.ERROR: "error"}


def tap(run: Run) -> str:
    """Return *run* as TAP 14."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: Run) -> Iterator[str]:
    yield "TAP version 14"
    yield f"1..{len(run.results)}" if run.results else "1..0 # SKIP no scenario was played"
    for number, result in enumerate(run.results, start=1):
        yield _point(number, result)
        if result.verdict in _SEVERITIES:
            yield from _block(_diagnostics(result))


def _point(number: int, result: Result) -> str:
    words = ["not ok" if result.verdict in _SEVERITIES else "ok", str(number), "-", _escaped(result.name)]
    if result.verdict is Verdict.SKIPPED:
        words += ["# SKIP", _escaped(result.reason)]
    return " ".join(words).rstrip()


def _escaped(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("#", "\\#")


def _block(diagnostics: dict[str, Any]) -> Iterator[str]:
    yield "  ---"
    for key, value in diagnostics.items():
        if isinstance(value, list):
            yield f"  {key}:"
            yield from (f"    - {_json(item)}" for item in value)
        else:
            yield f"  {key}: {_json(value)}"
    yield "  ..."


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _diagnostics(result: Result) -> dict[str, Any]:
    diagnostics = {
        "message": sentence(result),
        "severity": _SEVERITIES[result.verdict],
        "rule": one_line(result.rule),
        **(_of_step(result.failure) if result.failure else {"at": {"file": one_line(result.file)}}),
        "duration_ms": round(result.seconds * 1000, 3),
        "points": result.points,
        "told": failure_lines(result),
    }
    return {key: value for key, value in diagnostics.items() if value not in ("", [])}


def _of_step(failure: Failure) -> dict[str, Any]:
    expected, got = parts_of(failure.diff)
    return {
        "at": {"file": one_line(failure.location.file), "line": failure.location.line},
        "step": one_line(failure.step),
        "differences": [one_line(difference) for difference in failure.differences],
        "expected": expected,
        "got": got,
        "diff": [one_line(line) for line in failure.diff],
    }
