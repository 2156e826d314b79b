"""The command ``to-scenario``: a recording in, a scenario file out.

What the exit code means to a user is in docs/recordings.md.
"""

import argparse
import sys
from pathlib import Path

from chateau.client.exit_codes import Exit
from chateau.client.recordings.file import RecordingError, read
from chateau.client.recordings.to_scenario import scenario_of, written

DESCRIPTION = "Makes a scenario of a recording, to be edited."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``to-scenario``."""
    parser.add_argument("file", metavar="FILE", help="the recording")
    parser.add_argument("-o", "--output", metavar="OUT.json", help="where to write it; stdout unless given")
    parser.add_argument("--name", metavar="SENTENCE", help="what it shows; the name of the file unless given")


def run(options: argparse.Namespace) -> int:
    """Write a recording down as a scenario."""
    try:
        entries = read(options.file)
        name = options.name or f"As recorded in {Path(options.file).name}"
        _write(written(scenario_of(entries, name)), options.output)
    except RecordingError as exc:
        print(f"error: {exc}", file=sys.stderr)
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
