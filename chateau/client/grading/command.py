"""The command ``grade``: a folder of submissions in, a sheet of grades out."""

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
from chateau.client.exit_codes import Exit
from chateau.client.grading import sheet
from chateau.client.grading.grade import Grade, Task, Way, grade
from chateau.client.grading.submissions import NoSubmissions, Submission, submissions_in
from chateau.client.messages import MessageError
from chateau.client.scenarios.load import BadScenario, scenarios_in
from chateau.client.text_safety import one_line
from chateau.client.under_test.server import Limits

DESCRIPTION = """\
Grades every submission in a folder with scenarios, each in a process of its own, and
writes a CSV file with a row for each.

A submission is a folder, named after who handed it in; its server is started there. Time
and memory are limited, so that nobody holds up the others. These limits are no sandbox:
the servers run as you."""

DEFAULT_COMMAND = f"{shlex.quote(sys.executable)} server.py --port {{port}}"
MEBIBYTE = 1024 * 1024
MOST_JOBS = 1000
OnGrade = Callable[[Grade], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``grade``."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="every folder in it is a submission")
    parser.add_argument(
        "--scenarios", nargs="+", required=True, metavar="PATH", help="scenario files, and folders of them"
    )
    parser.add_argument("--csv", required=True, type=Path, metavar="FILE", help="where the grades go")
    parser.add_argument(
        "--reports", type=Path, metavar="DIR", help="give each submission its reports in a folder in there"
    )
    parser.add_argument(
        "--server-command",
        default=DEFAULT_COMMAND,
        metavar="CMD",
        help="how a submission's server is started, in its folder (default: python server.py --port {port})",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=arguments.whole(1, MOST_JOBS),
        default=1,
        metavar="N",
        help="how many to grade at once (default: 1)",
    )
    _add_limits(parser)
    _add_options_of_the_run(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--memory",
        type=arguments.whole(0),
        default=1024,
        metavar="MIB",
        help="address space of a server, in MiB; 0 is no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--cpu",
        type=arguments.whole(0),
        default=60,
        metavar="SECONDS",
        help="CPU time of a server; 0 is no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--submission-timeout",
        type=arguments.seconds,
        default=300.0,
        metavar="SECONDS",
        help="how long all the scenarios of one submission may take (default: 300)",
    )


def _add_options_of_the_run(parser: argparse.ArgumentParser) -> None:
    """Those that go to the test client as they are."""
    parser.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=5.0,
        metavar="SECONDS",
        help="how long to wait for an answer (default: 5)",
    )
    for option, metavar, text in (
        ("--set", "NAME=VALUE", "what ${NAME} stands for in scenarios"),
        ("--implements", "PROTOCOL=TYPES", "what the servers have, such as chateau=1,3,4"),
        ("--path", "PROTOCOL=PATH", "where on a server a protocol is spoken, such as functions=/"),
    ):
        parser.add_argument(
            option, type=arguments.pair, action="append", default=[], metavar=metavar, help=text
        )


def run(options: argparse.Namespace) -> int:
    """Grade the submissions that *options* name, write the sheet, and return the exit code."""
    try:
        tasks = _tasks(options.scenarios)
        submissions = submissions_in(options.folder)
        _check_writable(options.csv)
    except (NoSubmissions, MessageError, BadScenario) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return Exit.FILE
    way = _way(options, tasks)
    grades: list[Grade] = []
    try:
        with _shown(submissions) as show:
            asyncio.run(_grade_all(submissions, way, options, [grades.append, show]))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    finally:
        sheet.write(options.csv, [*grades, *_missing(submissions, grades, tasks)], tasks)
    return Exit.WELL if all(grade.graded for grade in grades) else Exit.CONNECTION


def _tasks(paths: Sequence[str]) -> tuple[Task, ...]:
    """The scenarios; a file that cannot be read is an error before anybody is graded by it."""
    tasks = []
    for item in scenarios_in(paths):
        if isinstance(item, BadScenario):
            raise item
        tasks.append(Task(item.name, item.file, item.points, item.visibility))
    return tuple(tasks)


def _check_writable(path: Path) -> None:
    """Now, and not after an hour of grading."""
    try:
        path.open("ab").close()
    except OSError as exc:
        raise MessageError(f"{path}: {exc.strerror}") from exc


def _way(options: argparse.Namespace, tasks: tuple[Task, ...]) -> Way:
    chosen = [f"--timeout={options.timeout}"]
    for name in ("set", "implements", "path"):
        chosen += [f"--{name}={key}={value}" for key, value in getattr(options, name)]
    limits = Limits(cpu_seconds=options.cpu, memory_bytes=options.memory * MEBIBYTE)
    return Way(options.server_command, tasks, limits, options.submission_timeout, tuple(chosen))


async def _grade_all(
    submissions: Sequence[Submission], way: Way, options: argparse.Namespace, on_grade: Sequence[OnGrade]
) -> None:
    places = asyncio.Semaphore(options.jobs)

    async def one(submission: Submission) -> None:
        async with places:
            reports = options.reports / submission.name if options.reports else None
            graded = await grade(submission, way, reports)
        for tell in on_grade:
            tell(graded)

    await asyncio.gather(*map(one, submissions))


def _missing(
    submissions: Sequence[Submission], grades: Sequence[Grade], tasks: tuple[Task, ...]
) -> Iterator[Grade]:
    """Those that it was left before."""
    graded = {grade.name for grade in grades}
    for submission in submissions:
        if submission.name not in graded:
            yield Grade(submission.name, tasks, note="It was not graded: interrupted.", graded=False)


@contextlib.contextmanager
def _shown(submissions: Sequence[Submission]) -> Iterator[OnGrade]:
    """A line for each grade, and below them, on a terminal, how far it is."""
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
    score = sheet.number(grade.score)
    if grade.is_complete:  # what is skipped, and so what it could have been, is only known then
        score = f"{score} / {sheet.number(grade.max_score)}"
    note = f"  {grade.note}" if grade.note else ""
    return f"{one_line(grade.name):<{width}}  {score}  ({grade.seconds:.1f} s){note}"
