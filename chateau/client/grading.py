"""Grade submissions, each with a test client in a process of its own, and write the grades as a CSV file.

A submission cannot delay the others: when its time is over, its test client and all descendants are ended.
The verdicts are read from the JUnit report.
"""

import asyncio
import contextlib
import csv
import io
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import chateau
from chateau.client.reports.gradescope import unplayed
from chateau.client.scenarios.model import Scenario, Verdict
from chateau.client.terminal import one_line
from chateau.client.under_test.process import (
    Limits,
    kill_all,
    limited,
    marked_environment,
    new_mark,
)

ARCHIVES = {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"}
LEAVE_SECONDS = 5.0  # for a test client whose time is over, to end its server and write its reports
REPORTS = {"junit": "junit.xml", "gradescope": "results.json", "html": "report.html"}
VERDICT_OF = {"failure": Verdict.FAILED, "error": Verdict.ERROR, "skipped": Verdict.SKIPPED}
NOTE_CHARACTERS = 300
SUBJECT = "The server under test "  # with which the sentence about a crash begins
COLUMNS = ("submission", "score", "max_score", *Verdict, "seconds", "note")
FORMULA = ("=", "+", "-", "@")  # a spreadsheet computes a cell that begins so
CALL = "import sys; sys.path.insert(0, {!r}); from chateau.client.app import main; sys.exit(main())"


class NoSubmissions(Exception):
    """There is nothing to grade; the text explains why."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission; its server runs in *folder*."""

    name: str
    folder: Path


def submissions_in(folder: Path) -> list[Submission]:
    """Return the submissions in *folder*, by name; hidden folders are ignored.

    Raises:
        NoSubmissions: *folder* cannot be read, or has no folders.
    """
    try:
        inside = _visible(folder)
    except OSError as exc:
        raise NoSubmissions(f"{folder}: {exc.strerror}") from exc
    found = [Submission(path.name, _innermost(path).absolute()) for path in inside if path.is_dir()]
    if not found:
        packed = any(path.suffix in ARCHIVES for path in inside)
        advice = "unpack the archives first, each into a folder of its own" if packed else "it has no folders"
        raise NoSubmissions(f"{folder}: there is no submission in it: {advice}")
    return sorted(found, key=lambda submission: submission.name)


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]


def _innermost(folder: Path) -> Path:
    """Descend as long as a folder has a single folder, as archives often do, and nothing else."""
    with contextlib.suppress(PermissionError):  # reported when it is graded
        while len(inside := _visible(folder)) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
            folder = inside[0]
    return folder


@dataclass(frozen=True, slots=True)
class GradeOptions:
    """How every submission is graded; *client_options* are passed to the test client."""

    command: str
    tasks: tuple[Scenario, ...]
    limits: Limits
    seconds: float
    client_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of a submission.

    ``verdicts`` are in the order of ``tasks``; there are none if the scenarios were not played to the end.
    ``graded`` is False if that was not the submission's fault.
    """

    name: str
    tasks: tuple[Scenario, ...]
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0
    note: str = ""
    graded: bool = True

    @property
    def is_complete(self) -> bool:
        return bool(self.verdicts)

    @property
    def scores(self) -> list[float]:
        pairs = zip(self.tasks, self.verdicts, strict=True)
        return [task.points if verdict is Verdict.PASSED else 0.0 for task, verdict in pairs]

    @property
    def score(self) -> float:
        return sum(self.scores) if self.is_complete else 0.0

    @property
    def max_score(self) -> float:
        """Return the highest possible score: scenarios that were skipped do not count."""
        verdicts = self.verdicts or (None,) * len(self.tasks)
        pairs = zip(self.tasks, verdicts, strict=True)
        return sum(task.points for task, verdict in pairs if verdict is not Verdict.SKIPPED)


async def grade(submission: Submission, options: GradeOptions, reports: Path | None) -> Grade:
    """Grade *submission*; write its reports to the folder *reports*, if given."""
    began = time.monotonic()
    with _folder(reports) as folder:
        try:
            if not _visible(submission.folder):
                found = Grade(submission.name, options.tasks, note="The folder is empty.")
            else:
                found = await _played(submission, options, folder)
        except OSError as exc:
            found = Grade(submission.name, options.tasks, note=f"It could not be graded: {exc}", graded=False)
        if not (results := folder / REPORTS["gradescope"]).exists():
            results.write_text(unplayed(found.tasks, found.note), "utf-8")
    return replace(found, seconds=time.monotonic() - began)


@contextlib.contextmanager
def _folder(reports: Path | None) -> Iterator[Path]:
    if reports is None:
        with tempfile.TemporaryDirectory(prefix="chateau-grade-") as folder:
            yield Path(folder)
    else:
        reports.mkdir(parents=True, exist_ok=True)
        for name in REPORTS.values():
            (reports / name).unlink(missing_ok=True)  # of an earlier run
        yield reports


async def _played(submission: Submission, options: GradeOptions, folder: Path) -> Grade:
    with tempfile.TemporaryFile() as output:
        ended = await _run(_test_client(submission, options, folder), output.fileno(), options.seconds)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    cases = _cases(folder / "junit.xml", options.tasks)
    if not ended:
        verdicts = tuple(map(_verdict, cases or ()))  # of those that it has finished
        late = f"It did not finish within {options.seconds:g} s."
        return Grade(submission.name, options.tasks, verdicts, note=late)
    if cases is None:
        last = text.strip().rpartition("\n")[2]
        note = f"The test client wrote no report. {_shortened(last)}".strip()
        return Grade(submission.name, options.tasks, note=note, graded=False)
    return Grade(submission.name, options.tasks, tuple(map(_verdict, cases)), note=_note(cases))


async def _run(arguments: Sequence[str], output: int, seconds: float) -> bool:
    """Run a process for at most *seconds*; return whether it ended by itself."""
    mark = new_mark()
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env={"PYTHONDONTWRITEBYTECODE": "1", **marked_environment(mark)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(LEAVE_SECONDS):
                await process.wait()
        return False
    else:
        return True
    finally:
        kill_all(process.pid, mark)
        await process.wait()


def _test_client(submission: Submission, options: GradeOptions, folder: Path) -> list[str]:
    command = f"{shlex.join(limited(options.limits, folder=submission.folder))} {options.command}"
    reports = [f"--{option}={folder / name}" for option, name in REPORTS.items()]
    root = str(Path(chateau.__file__).parents[1])
    client = [sys.executable, "-P", "-c", CALL.format(root), f"--server-command={command}"]
    return [*client, *reports, *options.client_options, "--", *(task.file for task in options.tasks)]


def _cases(report: Path, tasks: Sequence[Scenario]) -> list[ElementTree.Element] | None:
    """Return the test case of each of *tasks*; None without a report. JUnit sorts them by folder."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return None
    order = sorted(range(len(tasks)), key=lambda index: str(Path(tasks[index].file).parent))
    if [case.get("name") for case in cases] != [one_line(tasks[index].name) for index in order]:
        return None
    return [case for _, case in sorted(zip(order, cases, strict=True), key=lambda pair: pair[0])]


def _verdict(case: ElementTree.Element) -> Verdict:
    return next((VERDICT_OF[part.tag] for part in case if part.tag in VERDICT_OF), Verdict.PASSED)


def _note(cases: Sequence[ElementTree.Element]) -> str:
    """Return how the server crashed or did not start; otherwise the reason of the first error."""
    messages = [part.get("message", "") for case in cases for part in case]
    texts = [*(text for case in cases for text in case.itertext()), *messages]
    if crash := next((text for text in texts if SUBJECT in text), None):
        return _shortened(_crash(crash))
    errors = (part for case in cases for part in case if part.tag == "error")
    return _shortened(next((part.get("message") or part.text or "" for part in errors), ""))


def _crash(text: str) -> str:
    """Return the sentence, and the last line of the server's output, where Python names the error."""
    first, *rest = text[text.index(SUBJECT) :].split("\n\n")[0].splitlines()
    sentence = first.partition(" Its std")[0]
    return f"{sentence} {rest[-1].strip()}" if rest else sentence


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= NOTE_CHARACTERS else f"{line[: NOTE_CHARACTERS - 1]}…"


# The CSV file


def write_csv(path: Path, grades: Sequence[Grade], tasks: Sequence[Scenario]) -> None:
    """Write a row for each of *grades*, by name, that ends with a column for each of *tasks*."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow([*COLUMNS, *map(defused, column_names(tasks))])
    possible = max((grade.max_score for grade in grades if grade.is_complete), default=None)
    for grade in sorted(grades, key=lambda grade: grade.name):
        rows.writerow(_csv_row(grade, tasks, possible))
    path.write_bytes(text.getvalue().encode("utf-8", "backslashreplace"))


def column_names(tasks: Sequence[Scenario]) -> list[str]:
    """Return the names of the scenarios; a duplicate has its file appended."""
    names: list[str] = []
    for task in tasks:
        taken = {*COLUMNS, *names}
        names.append(f"{task.name} ({task.file})" if task.name in taken else task.name)
    return names


def defused(text: str) -> str:
    """Return *text* such that a spreadsheet does not treat it as a formula; invisible characters are escaped.

    A submission chooses its name and note, and a CSV file may be shown in a terminal.
    """
    shown = one_line(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def number(value: float) -> str:
    return f"{value:.10g}"


def _csv_row(grade: Grade, tasks: Sequence[Scenario], possible: float | None) -> list[str]:
    """Return the row of *grade*; an incomplete one has the maximum score of the others."""
    max_score = grade.max_score if grade.is_complete or possible is None else possible
    counts = [str(grade.verdicts.count(verdict)) for verdict in Verdict]
    scores = [_csv_score(grade, index) for index in range(len(tasks))]
    return [
        defused(grade.name),
        number(grade.score),
        number(max_score),
        *counts,
        f"{grade.seconds:.1f}",
        defused(grade.note),
        *scores,
    ]


def _csv_score(grade: Grade, index: int) -> str:
    """Return the score of a task; empty if it was skipped, which does not count."""
    if not grade.verdicts:
        return "0"
    if grade.verdicts[index] is Verdict.SKIPPED:
        return ""
    return number(grade.scores[index])
