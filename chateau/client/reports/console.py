"""Console output: results as they arrive.

On a terminal they are coloured, above a progress bar; after many of them, the failed ones are listed again.
Elsewhere they are plain lines, with the failures at the end.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, TextIO

from rich.text import Text

from chateau.client.reports.text_format import failure_lines, headline
from chateau.client.scenarios.model import NOT_PASSED, Result, Run, Verdict, summary
from chateau.client.terminal import console

if TYPE_CHECKING:
    import rich.console
    from rich.progress import Progress

SCREENFUL = 20  # results
_STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.SKIPPED: "yellow",
}
_DIFF_STYLES = {"    -": "red", "    +": "green"}


class Console:
    """Shows a run; as a context manager, it removes the progress bar whatever happens."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._out = console(self._stream)
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()

    def began(self, total: int) -> None:
        """Start the progress bar for *total* scenarios, on a terminal."""
        if self._out.is_terminal:
            self._progress = _progress(self._out)
            self._progress.add_task("", total=total)
            self._progress.start()

    def finished(self, result: Result) -> None:
        """Show *result*, which is the next."""
        self._show(_first_line(result))
        if self._progress is not None:
            self._show_failure(result)
            self._progress.advance(self._progress.task_ids[0])

    def ended(self, run: Run) -> None:
        """Show the summary of *run*, and the failures that are not on the screen."""
        self._end_bar()
        failed = [result for result in run.results if result.verdict in NOT_PASSED]
        if self._progress is None:
            for result in failed:
                self._show_failure(result)
        elif len(run.results) > SCREENFUL:
            self._show(Text())  # the failures have scrolled off the screen
            for result in failed:
                self._show(_first_line(result))
        self._show(Text(f"\n{summary(run.results)}", _style_of(run)))

    def _end_bar(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _show_failure(self, result: Result) -> None:
        if result.verdict in NOT_PASSED:
            self._show(Text("\n").join([Text(), *_coloured(result)]))

    def _show(self, text: Text) -> None:
        """Print *text*; characters that the encoding of the output lacks are escaped."""
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
    return "bold red" if any(result.verdict in NOT_PASSED for result in run.results) else "bold green"


def _progress(out: "rich.console.Console") -> "Progress":
    # Only a terminal has a progress bar.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("")
    return Progress(*columns, console=out, transient=True, redirect_stdout=False, redirect_stderr=False)
