"""Grades as a CSV file for a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from chateau.client.grading.grade import Grade
from chateau.client.scenarios.model import Scenario, Verdict

COLUMNS = ("submission", "score", "max_score", *Verdict, "seconds", "note")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes a cell that begins so


def write(path: Path, grades: Sequence[Grade], tasks: Sequence[Scenario]) -> None:
    """Write a row for each of *grades*, by name, that ends with a column for each of *tasks*."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow([*COLUMNS, *map(defused, column_names(tasks))])
    possible = max((grade.max_score for grade in grades if grade.is_complete), default=None)
    for grade in sorted(grades, key=lambda grade: grade.name):
        rows.writerow(_row(grade, tasks, possible))
    path.write_bytes(text.getvalue().encode("utf-8", "backslashreplace"))


def column_names(tasks: Sequence[Scenario]) -> list[str]:
    """Return the names of the scenarios; a duplicate has its file appended."""
    names: list[str] = []
    for task in tasks:
        taken = {*COLUMNS, *names}
        names.append(f"{task.name} ({task.file})" if task.name in taken else task.name)
    return names


def defused(text: str) -> str:
    """Return *text* such that a spreadsheet does not treat it as a formula."""
    return f"'{text}" if text.lstrip(" \n").startswith(FORMULA) else text


def number(value: float) -> str:
    return f"{value:.10g}"


def _row(grade: Grade, tasks: Sequence[Scenario], possible: float | None) -> list[str]:
    """Return the row of *grade*; an incomplete one has the maximum score of the others."""
    max_score = grade.max_score if grade.is_complete or possible is None else possible
    counts = [str(grade.verdicts.count(verdict)) for verdict in Verdict]
    scores = [_score(grade, index) for index in range(len(tasks))]
    return [
        defused(grade.name),
        number(grade.score),
        number(max_score),
        *counts,
        f"{grade.seconds:.1f}",
        defused(grade.note),
        *scores,
    ]


def _score(grade: Grade, index: int) -> str:
    """Return the score of a task; empty if it was skipped, which does not count."""
    if not grade.verdicts:
        return "0"
    if grade.verdicts[index] is Verdict.SKIPPED:
        return ""
    return number(grade.scores[index])
