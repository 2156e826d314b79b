"""Play scenarios: files and folders in, verdicts and reports out, and an exit code.

The test client does this if it is given scenarios without a command.
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
from chateau.client.arguments import Exit
from chateau.client.messages import MessageError
from chateau.client.protocols import DEFAULT_LINES_PORT, DEFAULT_PORT, Server
from chateau.client.recordings import RecordingError, recording
from chateau.client.reports import REPORTS, STDOUT, ReportError, save, write
from chateau.client.scenarios.load import Item, scenarios_in
from chateau.client.scenarios.model import Result, Run, Scenario, Verdict
from chateau.client.terminal import complain
from chateau.client.transcript import OnEntry

START_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run of scenarios."""
    group = parser.add_argument_group("scenarios")
    address = f"address of the server (default: localhost:{DEFAULT_PORT})"
    port = "port of the lines protocol over TCP (default: %(default)s)"
    command = (
        "start the server under test with this command, on free ports for {port} and {lines_port}, and stop "
        "it after the run"
    )
    arguments.add(group, "--server HOST:PORT", address, arguments.server)
    arguments.add(group, "--lines-port PORT", port, arguments.port, DEFAULT_LINES_PORT)
    arguments.add(group, "--server-command CMD", command)
    arguments.add_jobs(group, "scenarios")
    arguments.add_scenario_options(group)
    for option, text in REPORTS.items():
        arguments.add(group, f"--{option} FILE", text)


def run(options: argparse.Namespace) -> int:
    """Play the scenarios that *options* name, write the reports, and return the exit code.

    With ``--gradescope``, the report is written and the code is 0 whatever happens: Gradescope shows any
    other outcome to the student as a fault of the course.
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
        complain(exc)
        return Exit.WELL if options.gradescope else Exit.FILE
    return Exit.WELL if options.gradescope else exit_code(played)


def _nothing_played(options: argparse.Namespace, items: Sequence[Item], reason: str) -> int:
    from chateau.client.reports.gradescope import unplayed  # only for this error

    complain(reason)
    if not options.gradescope:
        return Exit.FILE
    scenarios = [item for item in items if isinstance(item, Scenario)]
    with contextlib.suppress(ReportError):
        save(unplayed(scenarios, reason), options.gradescope)
    return Exit.WELL


def exit_code(run: Run) -> Exit:
    """Return the lowest exit code, other than 0, that one of the results requires."""
    if run.is_interrupted:
        return Exit.INTERRUPTED
    codes = [_code(result) for result in run.results]
    return min((code for code in codes if code), default=Exit.WELL)


def _code(result: Result) -> Exit:
    if result.verdict is Verdict.ERROR:
        return Exit.FILE if result.is_file_at_fault else Exit.CONNECTION
    return Exit.ANSWER if result.verdict is Verdict.FAILED else Exit.WELL


async def _play(options: argparse.Namespace, items: Sequence[Item]) -> Run:
    # The modules that play are not imported for --help, nor for message files.
    from chateau.client.reports.console import Console
    from chateau.client.scenarios.run import ManagedServer, Runner, RunOptions, SystemUnderTest
    from chateau.client.under_test.server import ServerUnderTest

    @contextlib.asynccontextmanager
    async def system_under_test() -> AsyncIterator[SystemUnderTest]:
        server = replace(options.server or Server(), lines_port=options.lines_port, paths=dict(options.path))
        if options.server_command is None:
            yield SystemUnderTest(server)
            return
        program = ServerUnderTest(options.server_command, start_seconds=START_SECONDS)
        try:
            yield ManagedServer(program, server)
        finally:
            await program.stop()

    run_options = RunOptions(
        timeout_seconds=options.timeout,
        jobs=options.jobs,
        variables=dict(options.set),
        implements={protocol: frozenset(types.split(",")) for protocol, types in options.implements},
    )
    reports_are_printed = STDOUT in (getattr(options, name) for name in REPORTS)
    with Console(sys.stderr if reports_are_printed else None) as console, recording(options.record) as record:
        console.began(len(items))
        async with system_under_test() as system:
            runner = Runner(system, run_options, console.finished, _observers(items, record))
            played = await runner.run(items)
        console.ended(played)
    return played


def _observers(items: Sequence[Item], record: OnEntry | None) -> Callable[[Scenario], OnEntry | None]:
    """Return the recorder for each scenario; with several, the file's name is part of a client's name."""

    def observer(scenario: Scenario) -> OnEntry | None:
        if record is None or len(items) == 1:
            return record
        stem = Path(scenario.file).stem
        return lambda entry: record(replace(entry, client=f"{stem}/{entry.client}"))

    return observer
