"""Grading one submission: the test client in a process of its own, against the submission's server.

Nothing that a submission does can hold up the others: when its time is over, its test client and all that
it started are ended. What the verdicts are is read from its JUnit report.
"""

import asyncio
import contextlib
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
from chateau.client.grading.submissions import Submission
from chateau.client.reports.gradescope import unplayed
from chateau.client.scenarios.model import Verdict, Visibility
from chateau.client.text_safety import one_line
from chateau.client.under_test import family
from chateau.client.under_test.program import POLL_SECONDS, Limits, limited

LEAVE_SECONDS = 5.0  # for a test client whose time is over, to end its server and to tell
REPORTS = {"junit": "junit.xml", "gradescope": "results.json", "html": "report.html"}
VERDICT_OF = {"failure": Verdict.FAILED, "error": Verdict.ERROR, "skipped": Verdict.SKIPPED}
TOLD_CHARACTERS = 300
CALL = "import sys; sys.path.insert(0, {!r}); from chateau.client.app import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Task:
    """A scenario, as far as grading knows it."""

    name: str
    file: str
    points: float = 1.0
    visibility: Visibility = Visibility.VISIBLE


@dataclass(frozen=True, slots=True)
class Way:
    """How every submission is graded; *options* are the test client's own."""

    command: str
    tasks: tuple[Task, ...]
    limits: Limits
    seconds: float
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """What a submission came to.

    ``verdicts`` are in the order of ``tasks``; there are none where they were not played to the end.
    ``graded`` is False where that was not the submission's fault.
    """

    name: str
    tasks: tuple[Task, ...]
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
        """What it could have come to: scenarios that were skipped count neither way."""
        verdicts = self.verdicts or (None,) * len(self.tasks)
        pairs = zip(self.tasks, verdicts, strict=True)
        return sum(task.points for task, verdict in pairs if verdict is not Verdict.SKIPPED)

    def count(self, verdict: Verdict) -> int:
        return self.verdicts.count(verdict)


async def grade(submission: Submission, way: Way, reports: Path | None) -> Grade:
    """Grade *submission*; its reports are written to the folder *reports*, where there is one."""
    began = time.monotonic()
    with _folder(reports) as folder:
        try:
            if submission.is_empty:
                found = Grade(submission.name, way.tasks, note="The folder is empty.")
            else:
                found = await _played(submission, way, folder)
        except OSError as exc:
            found = Grade(submission.name, way.tasks, note=f"It could not be graded: {exc}", graded=False)
        _leave_results(folder / REPORTS["gradescope"], found)
    return replace(found, seconds=time.monotonic() - began)


@contextlib.contextmanager
def _folder(reports: Path | None) -> Iterator[Path]:
    if reports is None:
        with tempfile.TemporaryDirectory(prefix="chateau-grade-") as folder:
            yield Path(folder)
    else:
        reports.mkdir(parents=True, exist_ok=True)
        for name in REPORTS.values():
            (reports / name).unlink(missing_ok=True)  # those of a run before
        yield reports


async def _played(submission: Submission, way: Way, folder: Path) -> Grade:
    with tempfile.TemporaryFile() as output:
        ended = await _run(_test_client(submission, way, folder), output.fileno(), way.seconds)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    cases = _cases(folder / "junit.xml", way.tasks)
    if not ended:
        verdicts = tuple(map(_verdict, cases or ()))  # of those that it was through with
        late = f"It was not through after {way.seconds:g} s."
        return Grade(submission.name, way.tasks, verdicts, note=late)
    if cases is None:
        note = f"The test client wrote no report. {_last_line(said)}".strip()
        return Grade(submission.name, way.tasks, note=note, graded=False)
    return Grade(submission.name, way.tasks, tuple(map(_verdict, cases)), note=_note(cases))


async def _run(arguments: Sequence[str], output: int, seconds: float) -> bool:
    """Run a process to its end, or to the end of its time; returns whether it ended by itself."""
    mark = family.new_mark()
    process = _started(arguments, output, mark)
    try:
        if await _ends(process, seconds):
            return True
        process.send_signal(signal.SIGINT)
        await _ends(process, LEAVE_SECONDS)
        return False
    finally:
        family.end(process.pid, mark)
        process.wait()


def _started(arguments: Sequence[str], output: int, mark: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        arguments,
        env={"PYTHONDONTWRITEBYTECODE": "1", **family.environment(mark)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


async def _ends(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def _test_client(submission: Submission, way: Way, folder: Path) -> list[str]:
    command = f"{shlex.join(limited(way.limits, folder=submission.folder))} {way.command}"
    reports = [f"--{option}={folder / name}" for option, name in REPORTS.items()]
    call = CALL.format(str(Path(chateau.__file__).parents[1]))
    files = [task.file for task in way.tasks]
    return [
        sys.executable,
        "-P",
        "-c",
        call,
        f"--server-command={command}",
        *reports,
        *way.options,
        "--",
        *files,
    ]


def _cases(report: Path, tasks: Sequence[Task]) -> list[ElementTree.Element] | None:
    """What the JUnit report has of each of *tasks*, which stand there by their folders; None without it."""
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
    """How the server crashed or did not start, where it did; else why the first error is one."""
    for case in cases:
        for text in case.itertext():
            if "The server under test " in text:
                return _shortened(_crash(text))
        for part in case:
            if "The server under test " in part.get("message", ""):
                return _shortened(_crash(part.get("message", "")))
    errors = (part for case in cases for part in case if part.tag == "error")
    return _shortened(next((part.get("message") or part.text or "" for part in errors), ""))


def _crash(text: str) -> str:
    """The sentence, and the last line of what the server wrote, which is where Python names the error."""
    first, *rest = text[text.index("The server under test ") :].split("\n\n")[0].splitlines()
    sentence = first.partition(" Its std")[0]
    return f"{sentence} {rest[-1].strip()}" if rest else sentence


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return _shortened(lines[-1]) if lines else ""


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TOLD_CHARACTERS else f"{line[: TOLD_CHARACTERS - 1]}…"


def _leave_results(path: Path, grade: Grade) -> None:
    """What could not be played leaves results all the same."""
    if not path.exists():
        path.write_text(unplayed(grade.tasks, grade.note), "utf-8")
