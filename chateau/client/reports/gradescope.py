"""``results.json`` for Gradescope's autograder: a test for each scenario, with its points.

Each test has its visibility. The summary covers the visible tests only, and the output of the autograder is
for instructors only: both would otherwise reveal hidden tests.
"""

import json
from collections.abc import Iterable
from typing import Any

from chateau.client.reports.text_format import failure_text
from chateau.client.scenarios.model import Result, Run, Scenario, Verdict, Visibility, summary
from chateau.client.terminal import in_lines, one_line

_STATUSES = {Verdict.PASSED: "passed", Verdict.FAILED: "failed", Verdict.ERROR: "failed"}


def gradescope(run: Run) -> str:
    """Return *run* as ``results.json``."""
    visible = [result for result in run.results if result.visibility is Visibility.VISIBLE]
    tests = [_test(number, result) for number, result in enumerate(run.results, start=1)]
    return _document(tests, summary(visible), run.seconds)


def unplayed(scenarios: Iterable[Scenario | Result], reason: str) -> str:
    """Return a ``results.json`` in which all *scenarios* failed for *reason*, with no points.

    Gradescope needs a file even if the server never starts or the test client itself fails.
    """
    output = "\n".join(in_lines(reason))
    tests = [
        _named(number, known)
        | {"score": 0.0, "max_score": known.points, "status": "failed", "output": output}
        for number, known in enumerate(scenarios, start=1)
    ]
    return _document(tests, output, seconds=0.0)


def _document(tests: list[dict[str, Any]], output: str, seconds: float) -> str:
    document = {
        "score": sum(test["score"] for test in tests),
        "execution_time": round(seconds, 3),
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _named(number: int, known: Scenario | Result) -> dict[str, Any]:
    return {
        "number": str(number),
        "name": one_line(known.name),
        "name_format": "text",
        "output_format": "text",
        "visibility": str(known.visibility),
    }


def _test(number: int, result: Result) -> dict[str, Any]:
    """Return the test for *result*; a skipped scenario is worth no points."""
    output = {"output": failure_text(result) or "passed"}
    if result.verdict is Verdict.SKIPPED:
        return _named(number, result) | {"score": 0.0, "max_score": 0.0} | output
    graded = {"score": result.score, "max_score": result.points, "status": _STATUSES[result.verdict]}
    return _named(number, result) | graded | output
