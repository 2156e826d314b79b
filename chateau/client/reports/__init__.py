"""Reports: the results of a run in the formats of other programs, and as a page for people.

The function of a report is pure, and has the name of its module: ``tap.tap(run)``. A module is imported when
its report is written. The output during a run is that of :mod:`chateau.client.reports.console`.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from chateau.client.scenarios.model import Run

REPORTS: Mapping[str, str] = {
    "gradescope": "write results.json for Gradescope, and exit with 0 whatever the verdicts",
    "junit": "write JUnit XML, for continuous integration",
    "tap": "write TAP 14, the Test Anything Protocol",
    "html": "write a page with a sequence diagram of every scenario",
}
"""The help of the option for each report."""

STDOUT = "-"


class ReportError(Exception):
    """A report could not be written."""


def report(name: str, run: Run) -> str:
    """Return the report *name*, one of :data:`REPORTS`, of *run*."""
    text: str = getattr(import_module(f"{__name__}.{name}"), name)(run)
    return text


def write(run: Run, paths: Mapping[str, str]) -> None:
    """Write the reports of *run*; *paths* maps names in :data:`REPORTS` to files, ``-`` being stdout.

    An error in one of them does not prevent the others.

    Raises:
        ReportError: at least one was not written; the text names the file.
    """
    errors: list[str] = []
    for name, path in paths.items():
        try:
            save(report(name, run), path)
        except ReportError as exc:
            errors.append(str(exc))
    if errors:
        raise ReportError(" ".join(errors))


def save(text: str, path: str) -> None:
    """Write *text* in UTF-8 to the file at *path*, completely or not at all; ``-`` is stdout.

    Until the new content is complete, a reader of the file gets the previous one.

    Raises:
        ReportError: the file cannot be written.
    """
    content = text.encode("utf-8", "backslashreplace")
    try:
        if path == STDOUT:
            _print(content)
        else:
            _write(content, Path(os.path.realpath(path)))  # a symbolic link still points to it
    except BrokenPipeError:
        raise  # the reader of the output is gone: the command has an exit code for that
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ReportError(f"The report cannot be written to {path}: {reason}.") from exc


def _print(content: bytes) -> None:
    sys.stdout.flush()
    if binary := getattr(sys.stdout, "buffer", None):
        binary.write(content)
    else:
        sys.stdout.write(content.decode())
    sys.stdout.flush()


def _write(content: bytes, path: Path) -> None:
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a pipe or a device; a folder raises the error
        return
    temporary = path.with_name(f".report-{secrets.token_hex(8)}")
    try:
        try:
            temporary.write_bytes(content)
        except PermissionError:
            path.write_bytes(content)  # the folder is read-only, but the file may be writable
            return
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
