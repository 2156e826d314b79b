"""The command ``to-scenario``: convert a recording into a scenario. docs/recordings.md describes it."""

import argparse
from pathlib import Path

from chateau.client import arguments
from chateau.client.arguments import Exit
from chateau.client.recordings import RecordingError, read
from chateau.client.terminal import complain

DESCRIPTION = "Converts a recording into a scenario, for you to edit."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``to-scenario``."""
    parser.add_argument("file", metavar="FILE", help="the recording")
    arguments.add(parser, "-o --output OUT.json", "file to write (default: stdout)")
    arguments.add(parser, "--name SENTENCE", "name of the scenario (default: the name of the recording)")


def run(options: argparse.Namespace) -> int:
    """Write the scenario; return the exit code."""
    from chateau.client.recordings.to_scenario import format_scenario, scenario_of

    try:
        entries = read(options.file)
        name = options.name or f"As recorded in {Path(options.file).name}"
        _write(format_scenario(scenario_of(entries, name)), options.output)
    except RecordingError as exc:
        complain(exc)
        return Exit.FILE
    return Exit.WELL


def _write(text: str, path: str | None) -> None:
    if path is None:
        print(text, end="")
        return
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as exc:
        raise RecordingError(f"{path}: cannot be written: {exc.strerror}") from exc
