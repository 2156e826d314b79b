"""Console output: plain in a pipe, with colours and a progress bar on a terminal."""

import io
import re

import pytest
from reported_runs import RUNS, nasty, result, run_of

from chateau.client.reports.console import Console
from chateau.client.reports.text_format import failure_text
from chateau.client.scenarios.model import Run, Verdict, summary


class Terminal(io.StringIO):
    """A stream that reports to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def shown(run: Run, stream: io.TextIOBase) -> str:
    with Console(stream) as console:  # type: ignore[arg-type]
        console.began(len(run.results))
        for each in run.results:
            console.finished(each)
        console.ended(run)
    stream.seek(0)
    return stream.read()


def test_a_passed_scenario_is_one_plain_line_and_then_the_summary() -> None:
    text = shown(run_of([result()]), io.StringIO())

    assert text == "passed  A direct message reaches its recipient  (0.01 s)\n\n1 scenario: 1 passed.\n"


def test_failures_are_shown_after_the_plain_lines() -> None:
    run = RUNS["every verdict"]

    lines, *rest = shown(run, io.StringIO()).split("\n\n")

    assert [line.split()[0] for line in lines.splitlines()] == [str(each.verdict) for each in run.results]
    assert rest == [
        *(failure_text(each) for each in run.results if each.verdict in {Verdict.FAILED, Verdict.ERROR}),
        f"{summary(run.results)}\n",
    ]


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_plain_output_has_no_escape_sequence_and_no_line_of_it_is_folded(run: Run) -> None:
    text = shown(run, io.StringIO())

    assert "\x1b" not in text
    for each in run.results:
        assert each.verdict in {Verdict.PASSED, Verdict.SKIPPED} or failure_text(each) in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_nothing_is_lost_where_the_encoding_lacks_a_character(encoding: str) -> None:
    bytes_written = io.BytesIO()
    stream = io.TextIOWrapper(bytes_written, encoding=encoding, newline="\n")

    shown(run_of([result(Verdict.FAILED, name="日本 → 😀")]), stream)

    expected = "failed  日本 → 😀".encode(encoding, "backslashreplace")
    assert expected in bytes_written.getvalue()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)


def test_a_terminal_shows_failures_as_they_come_and_a_bar_that_goes() -> None:
    failed = result(Verdict.FAILED)
    stream = Terminal()
    console = Console(stream)
    console.began(2)
    console.finished(failed)
    before_the_end = plain(stream.getvalue())
    console.finished(result())
    console.ended(run_of([failed, result()]))

    assert failure_text(failed) in before_the_end
    assert "0/2" in plain(stream.getvalue())
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is there again
    assert stream.getvalue().rstrip().endswith("\x1b[1;31m2 scenarios: 1 passed, 1 failed.\x1b[0m")
    assert "\x1b[31m" in stream.getvalue()


def test_after_a_screenful_a_terminal_lists_the_failures_again() -> None:
    failed = result(Verdict.FAILED)
    run = run_of([failed, *[result()] * 20])

    last = plain(shown(run, Terminal())).rstrip().splitlines()[-3:]

    assert last[0].startswith(f"failed  {failed.name}")
    assert last[-1] == "21 scenarios: 20 passed, 1 failed."


def test_a_terminal_without_colours_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    text = shown(RUNS["every verdict"], Terminal())

    assert re.search(r"\x1b\[[0-9;]*m", text) is None


def test_a_terminal_is_left_as_it_was_when_a_run_is_cut_short() -> None:
    stream = Terminal()
    console = Console(stream)
    console.began(3)

    console.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_server_cannot_drive_the_terminal(stream: type[io.StringIO]) -> None:
    text = shown(run_of([nasty(verdict) for verdict in Verdict]), stream())

    assert "\x1b[31m <script>" not in text
    assert r"\u001b[31m <script>" in plain(text)


def test_an_empty_run_has_a_summary() -> None:
    assert shown(run_of([]), io.StringIO()) == "\n0 scenarios: none played.\n"
