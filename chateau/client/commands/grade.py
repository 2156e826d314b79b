"""The command ``grade``: a folder of submissions in, a CSV file of grades out."""

import argparse
import asyncio
import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from chateau.client import arguments
from chateau.client.arguments import Exit
from chateau.client.grading import (
    Grade,
    GradeOptions,
    NoSubmissions,
    Submission,
    grade,
    number,
    submissions_in,
    write_csv,
)
from chateau.client.messages import MessageError
from chateau.client.scenarios.load import BadScenario, scenarios_in
from chateau.client.scenarios.model import Scenario
from chateau.client.terminal import complain, one_line
from chateau.client.under_test.process import Limits

DESCRIPTION = """\
Grades every submission in a folder with scenarios, each in a process of its own, and
writes a CSV file with a row for each.

A submission is a folder, named after its author; its server is started there. Time and
memory are limited, so that one submission does not delay the others. These limits are not
a sandbox: the servers run with your permissions."""

DEFAULT_COMMAND = f"{shlex.quote(sys.executable)} server.py --port {{port}}"
MEBIBYTE = 1024 * 1024
OnGrade = Callable[[Grade], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``grade``."""
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="folder with a folder per submission")
    add("--scenarios", nargs="+", required=True, metavar="PATH", help="scenario files and folders")
    add("--csv", required=True, type=Path, metavar="FILE", help="file for the grades")
    add("--reports", type=Path, metavar="DIR", help="write reports to a folder per submission in DIR")
    text = "command that starts a server in its folder (default: python server.py --port {port})"
    add("--server-command", default=DEFAULT_COMMAND, metavar="CMD", help=text)
    arguments.add_jobs(parser, "submissions")
    text = "maximum address space of a server, in MiB; 0 for no limit (default: %(default)g)"
    arguments.add(parser, "--memory MIB", text, arguments.whole(0), 1024)
    text = "maximum CPU time of a server; 0 for no limit (default: %(default)g)"
    arguments.add(parser, "--cpu SECONDS", text, arguments.whole(0), 60)
    text = "maximum time for all scenarios of one submission (default: %(default)g)"
    arguments.add(parser, "--submission-timeout SECONDS", text, arguments.seconds, 300.0)
    arguments.add_timeout(parser, "how long to wait for a response")
    arguments.add_scenario_options(parser)


def run(options: argparse.Namespace) -> int:
    """Grade the submissions that *options* name, write the CSV file, and return the exit code."""
    try:
        tasks = _tasks(options.scenarios)
        submissions = submissions_in(options.folder)
        _check_writable(options.csv)
    except (NoSubmissions, MessageError, BadScenario) as exc:
        complain(exc)
        return Exit.FILE
    grades: list[Grade] = []
    try:
        with _shown(submissions) as show:
            asyncio.run(_grade_all(submissions, _grade_options(options, tasks), options, grades, show))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    finally:
        missing = {submission.name for submission in submissions} - {grade.name for grade in grades}
        note = "It was not graded: interrupted."
        grades += [Grade(name, tasks, note=note, graded=False) for name in missing]
        write_csv(options.csv, grades, tasks)
    return Exit.WELL if all(grade.graded for grade in grades) else Exit.CONNECTION


def _tasks(paths: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the scenarios; raise for an invalid file before anything is graded."""
    tasks = []
    for item in scenarios_in(paths):
        if isinstance(item, BadScenario):
            raise item
        tasks.append(item)
    return tuple(tasks)


def _check_writable(path: Path) -> None:
    """Fail now, rather than after an hour of grading."""
    try:
        path.open("ab").close()
    except OSError as exc:
        raise MessageError(f"{path}: {exc.strerror}") from exc


def _grade_options(options: argparse.Namespace, tasks: tuple[Scenario, ...]) -> GradeOptions:
    passed_on = [f"--timeout={options.timeout}"]
    for name in ("set", "implements", "path"):
        passed_on += [f"--{name}={key}={value}" for key, value in getattr(options, name)]
    limits = Limits(cpu_seconds=options.cpu, memory_bytes=options.memory * MEBIBYTE)
    return GradeOptions(options.server_command, tasks, limits, options.submission_timeout, tuple(passed_on))


async def _grade_all(
    submissions: Sequence[Submission],
    grade_options: GradeOptions,
    options: argparse.Namespace,
    grades: list[Grade],
    show: OnGrade,
) -> None:
    slots = asyncio.Semaphore(options.jobs)

    async def one(submission: Submission) -> None:
        async with slots:
            reports = options.reports / submission.name if options.reports else None
            graded = await grade(submission, grade_options, reports)
        grades.append(graded)
        show(graded)

    await asyncio.gather(*map(one, submissions))


@contextlib.contextmanager
def _shown(submissions: Sequence[Submission]) -> Iterator[OnGrade]:
    """Print a line per grade and, on a terminal, a progress bar below them."""
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(one_line(submission.name)) for submission in submissions)
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(submissions))

        def show(grade: Grade) -> None:
            console.print(_line(grade, width), markup=False)
            progress.advance(task)

        yield show


def _line(grade: Grade, width: int) -> str:
    score = number(grade.score)
    if grade.is_complete:  # the maximum depends on which scenarios were skipped
        score = f"{score} / {number(grade.max_score)}"
    note = f"  {one_line(grade.note)}" if grade.note else ""
    return f"{one_line(grade.name):<{width}}  {score}  ({grade.seconds:.1f} s){note}"
