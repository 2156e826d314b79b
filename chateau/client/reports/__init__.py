"""Reports: what playing scenarios came to, in the forms that others read.

Each is a pure function of a :class:`~chateau.client.scenarios.model.Run`; :data:`REPORTS` is the command
line's table of them. What a user sees while it runs is :mod:`chateau.client.reports.console`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chateau.client.reports.gradescope import gradescope
from chateau.client.reports.html import html
from chateau.client.reports.junit import junit
from chateau.client.reports.saving import ReportError, save
from chateau.client.reports.tap import tap
from chateau.client.scenarios.model import Run

__all__ = ["REPORTS", "Report", "ReportError", "save", "write"]


@dataclass(frozen=True, slots=True)
class Report:
    """A form of report; *help* is what the command line says of its option."""

    of: Callable[[Run], str]
    help: str


REPORTS: Mapping[str, Report] = {
    "gradescope": Report(gradescope, "write results.json for Gradescope, and exit with 0 however it went"),
    "junit": Report(junit, "write JUnit XML, as continuous integration reads it"),
    "tap": Report(tap, "write TAP 14, the Test Anything Protocol"),
    "html": Report(html, "write a page with a sequence diagram of every scenario"),
}


def write(run: Run, paths: Mapping[str, str]) -> None:
    """Write the reports of *run*: *paths* maps names in :data:`REPORTS` to files; ``-`` is stdout.

    One that cannot be written keeps none of the others from it.

    Raises:
        ReportError: at least one was not written; it names the file.
    """
    errors: list[str] = []
    for name, path in paths.items():
        try:
            save(REPORTS[name].of(run), path)
        except ReportError as exc:
            errors.append(str(exc))
    if errors:
        raise ReportError(" ".join(errors))
