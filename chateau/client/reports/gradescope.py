"""``results.json`` as Gradescope's autograder reads it: a test for each scenario, with its points.

What a test may show is in its visibility. What is said of the whole submission is said of the visible
tests only, and what the autograder prints stays with the instructors: both would tell of hidden tests.
"""

import json
from collections.abc import Iterable
from typing import Any, Protocol

from chateau.client.reports.text_format import failure_text
from chateau.client.scenarios.model import Result, Run, Verdict, Visibility, summary
from chateau.client.text_safety import in_lines, one_line

_STATUSES = {Verdict.PASSED: "passed", Verdict.FAILED: "failed", Verdict.ERROR: "failed"}


class Known(Protocol):
    """What has to be known of a scenario to say that it was not played; a scenario and a result have it."""

    @property
    def name(self) -> str: ...
    @property
    def points(self) -> float: ...
    @property
    def visibility(self) -> Visibility: ...


def gradescope(run: Run) -> str:
    """*run* as ``results.json``."""
    visible = [result for result in run.results if result.visibility is Visibility.VISIBLE]
    tests = [_test(number, result) for number, result in enumerate(run.results, start=1)]
    return _document(tests, summary(visible), run.seconds)


def unplayed(scenarios: Iterable[Known], reason: str, *, seconds: float = 0.0) -> str:
    """A ``results.json`` in which every one of *scenarios* has failed for *reason*, with no points.

    For when the server never starts, or the test client itself goes wrong: Gradescope wants a file then too.
    """
    told = "\n".join(in_lines(reason))
    tests = [
        _named(number, known) | {"score": 0.0, "max_score": known.points, "status": "failed", "output": told}
        for number, known in enumerate(scenarios, start=1)
    ]
    return _document(tests, told, seconds)


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


def _named(number: int, known: Known) -> dict[str, Any]:
    return {
        "number": str(number),
        "name": one_line(known.name),
        "name_format": "text",
        "output_format": "text",
        "visibility": str(known.visibility),
    }


def _test(number: int, result: Result) -> dict[str, Any]:
    """One scenario as a test. A skipped one asks for nothing, and so is worth nothing."""
    told = {"output": failure_text(result) or "passed"}
    if result.verdict is Verdict.SKIPPED:
        return _named(number, result) | {"score": 0.0, "max_score": 0.0} | told
    graded = {"score": result.score, "max_score": result.points, "status": _STATUSES[result.verdict]}
    return _named(number, result) | graded | told
