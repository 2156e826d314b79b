"""The console: results as they come, for who has started the run.

On a terminal in colour, above a bar that is gone at the end, and after many of them what failed once more by
name; elsewhere as plain lines, failures at the end.
"""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from chateau.client.reports.text_format import failure_lines, headline
from chateau.client.scenarios.model import Result, Run, Verdict, summary
from chateau.client.terminal import console

SCREENFUL = 20  # results
_NOT_PASSED = frozenset({Verdict.FAILED, Verdict.ERROR})
_STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.SKIPPED: "yellow",
}
_DIFF_STYLES = {"    -": "red", "    +": "green"}


class Console:
    """Where a run is shown; a *quiet* one shows nothing.

    Used as a context manager, it leaves the terminal as it was, whatever happens.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stdout
        self._quiet = quiet
        self._out = console(self._stream)
        self._progress = _progress(self._out)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_bar()

    def began(self, total: int) -> None:
        """Say that *total* scenarios will be played."""
        if self._out.is_terminal and not self._quiet:
            self._task = self._progress.add_task("", total=total)
            self._progress.start()

    def finished(self, result: Result) -> None:
        """Show *result*, in the order in which they come."""
        if self._quiet:
            return
        self._show(_first_line(result))
        if self._task is not None:
            self._show_failure(result)
            self._progress.advance(self._task)

    def ended(self, run: Run) -> None:
        """Show what has not been shown of *run*, and what it came to."""
        if self._quiet:
            return
        self._end_bar()
        failed = [result for result in run.results if result.verdict in _NOT_PASSED]
        if self._task is None:
            for result in failed:
                self._show_failure(result)
        elif len(run.results) > SCREENFUL:
            self._remind_of(failed)
        self._show(Text(f"\n{summary(run.results)}", _style_of(run)))

    def _remind_of(self, failed: Sequence[Result]) -> None:
        """What was shown as it came has left the screen by now."""
        self._show(Text())
        for result in failed:
            self._show(_first_line(result))

    def _end_bar(self) -> None:
        if self._task is not None:  # stopping what never started prints an empty line
            self._progress.stop()

    def _show_failure(self, result: Result) -> None:
        if result.verdict in _NOT_PASSED:
            self._show(Text("\n").join([Text(), *_coloured(result)]))

    def _show(self, text: Text) -> None:
        """Print *text*; what the output's encoding lacks is written as an escape."""
        encoding = self._stream.encoding or "utf-8"
        if text.plain.encode(encoding, "replace").decode(encoding) != text.plain:
            text = Text(text.plain.encode(encoding, "backslashreplace").decode(encoding), text.style)
        self._out.print(text, soft_wrap=True)


def _first_line(result: Result) -> Text:
    seconds = "" if result.verdict is Verdict.SKIPPED else f"  ({result.seconds:.2f} s)"
    text = Text(headline(result) + seconds)
    text.stylize(_STYLES[result.verdict], 0, len(result.verdict))
    return text


def _coloured(result: Result) -> Sequence[Text]:
    first, *rest = failure_lines(result)
    coloured = (Text(line, _DIFF_STYLES.get(line[:5], "")) for line in rest)
    return [Text(first, _STYLES[result.verdict]), *coloured]


def _style_of(run: Run) -> str:
    counted = run.count()
    bad = counted[Verdict.FAILED] or counted[Verdict.ERROR]
    return "bold red" if bad else "bold green"


def _progress(out: rich.console.Console) -> Progress:
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("")
    return Progress(*columns, console=out, transient=True, redirect_stdout=False, redirect_stderr=False)
