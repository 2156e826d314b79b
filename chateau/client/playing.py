"""The command: scenario files and folders in, verdicts and reports out, and an exit code.

Which options there are is told to :mod:`chateau.client.app`, whose own they stand beside.
"""

import argparse
import asyncio
import contextlib
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from chateau.client import arguments
from chateau.client.addresses import DEFAULT_LINES_PORT, DEFAULT_PORT, Server
from chateau.client.exit_codes import Exit
from chateau.client.messages import MessageError
from chateau.client.recordings import RecordingError, recording
from chateau.client.reports import REPORTS, ReportError, save, write
from chateau.client.reports.console import Console
from chateau.client.reports.gradescope import unplayed
from chateau.client.reports.saving import STDOUT
from chateau.client.scenarios.document import Scenario
from chateau.client.scenarios.finding import Item, scenarios_in
from chateau.client.scenarios.ground import Elsewhere, Ground, UnderTest
from chateau.client.scenarios.result import Result, Run, Verdict
from chateau.client.scenarios.runner import Options, Runner
from chateau.client.transcript import OnEntry
from chateau.client.under_test.server import ServerUnderTest

START_SECONDS = 10.0
MOST_JOBS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a run of scenarios."""
    group = parser.add_argument_group("scenarios")
    group.add_argument(
        "--server",
        type=arguments.server,
        metavar="HOST:PORT",
        help=f"where the server is (default: localhost:{DEFAULT_PORT})",
    )
    group.add_argument(
        "--lines-port",
        type=arguments.port,
        default=DEFAULT_LINES_PORT,
        metavar="PORT",
        help="where it speaks lines over TCP (default: %(default)s)",
    )
    group.add_argument(
        "--path",
        type=arguments.pair,
        action="append",
        default=[],
        metavar="PROTOCOL=PATH",
        help="where on the server a protocol is spoken, such as functions=/",
    )
    group.add_argument(
        "--server-command",
        metavar="CMD",
        help="start the server under test so, on free ports for {port} and {lines_port}, and stop it after",
    )
    group.add_argument(
        "-j",
        "--jobs",
        type=arguments.whole(1, MOST_JOBS),
        default=1,
        metavar="N",
        help="how many scenarios to play at once (default: 1)",
    )
    group.add_argument(
        "--set",
        type=arguments.pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what ${NAME} stands for in scenarios",
    )
    group.add_argument(
        "--implements",
        type=arguments.pair,
        action="append",
        default=[],
        metavar="PROTOCOL=TYPES",
        help="what the server has, such as chateau=1,3,4; scenarios that require more are skipped",
    )
    for option, report in REPORTS.items():
        group.add_argument(f"--{option}", metavar="FILE", help=report.help)


def run(options: argparse.Namespace) -> int:
    """Play the scenarios that *options* name, write the reports, and return the exit code.

    With ``--gradescope`` the report is written and the code is 0, whatever happens: there, anything else is
    told to a student as a fault of the course.
    """
    reports = {name: path for name in REPORTS if (path := getattr(options, name))}
    items: list[Item] = []
    try:
        items = scenarios_in(options.files)
        played = asyncio.run(_play(options, items))
    except (MessageError, RecordingError) as exc:
        return _nothing_played(options, items, str(exc))
    except Exception as exc:
        if not options.gradescope:
            raise
        traceback.print_exc()
        return _nothing_played(options, items, f"The test client failed: {exc!r}.")
    try:
        write(played, reports)
    except ReportError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return Exit.WELL if options.gradescope else Exit.FILE
    return Exit.WELL if options.gradescope else exit_code(played)


def _nothing_played(options: argparse.Namespace, items: Sequence[Item], reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    if not options.gradescope:
        return Exit.FILE
    scenarios = [item for item in items if isinstance(item, Scenario)]
    with contextlib.suppress(ReportError):
        save(unplayed(scenarios, reason), options.gradescope)
    return Exit.WELL


def exit_code(run: Run) -> Exit:
    """The lowest code that one of the results calls for."""
    if run.is_interrupted:
        return Exit.INTERRUPTED
    codes = [_code(result) for result in run.results]
    return min((code for code in codes if code), default=Exit.WELL)


def _code(result: Result) -> Exit:
    match result.verdict:
        case Verdict.ERROR:
            return Exit.FILE if result.is_file_at_fault else Exit.CONNECTION
        case Verdict.FAILED:
            return Exit.ANSWER
    return Exit.WELL


async def _play(options: argparse.Namespace, items: Sequence[Item]) -> Run:
    reports_are_printed = STDOUT in (getattr(options, name) for name in REPORTS)
    with Console(sys.stderr if reports_are_printed else None) as console, recording(options.record) as record:
        console.began(len(items))
        async with _ground(options) as ground:
            runner = Runner(ground, _run_options(options), console.finished, _observers(items, record))
            played = await runner.run(items)
        console.ended(played)
    return played


def _run_options(options: argparse.Namespace) -> Options:
    return Options(
        timeout_seconds=options.timeout,
        jobs=options.jobs,
        variables=dict(options.set),
        implements={protocol: frozenset(types.split(",")) for protocol, types in options.implements},
    )


@contextlib.asynccontextmanager
async def _ground(options: argparse.Namespace) -> AsyncIterator[Ground]:
    """The server that the scenarios are played against: one that runs, or one that is started for them."""
    place = replace(options.server or Server(), lines_port=options.lines_port, paths=dict(options.path))
    if options.server_command is None:
        yield Elsewhere(place)
        return
    program = ServerUnderTest(options.server_command, start_seconds=START_SECONDS)
    try:
        yield UnderTest(program, place)
    finally:
        await program.stop()


def _observers(items: Sequence[Item], record: OnEntry | None) -> Callable[[Scenario], OnEntry | None]:
    """Who records a scenario's frames; with several scenarios, a client is called after its own."""

    def observer(scenario: Scenario) -> OnEntry | None:
        if record is None or len(items) == 1:
            return record
        stem = Path(scenario.file).stem
        return lambda entry: record(replace(entry, client=f"{stem}/{entry.client}"))

    return observer
