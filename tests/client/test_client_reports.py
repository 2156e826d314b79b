"""What a person reads of a result, and reports written to files."""

import io
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from reported_runs import ABORTED, NASTY, RUNS, SENT, chatter, entry, nasty, result, run_of

from chateau.client import terminal
from chateau.client.reports import REPORTS, ReportError, report, save, write
from chateau.client.reports.text_format import failure_text, payload, sentence
from chateau.client.scenarios.model import Run, Verdict
from chateau.client.transcript import Opcode, close_payload


def test_failure_text_has_the_rule_the_step_the_difference_and_the_last_frames() -> None:
    told = failure_text(result(Verdict.FAILED))

    assert told == (
        "failed  A direct message reaches its recipient\n"
        "  rule: message: everyone named in clients gets the push, and the sender the answer\n"
        "  at messages/course/hello.json, line 14: expect (alice)\n"
        "  no frame that matches came to alice within 5 s\n"
        "    /status: expected 200, got 400\n"
        "    /id: expected a value, and it is not there\n"
        "  expected (-) and got (+):\n"
        "     {\n"
        '       "type": 3,\n'
        '    -  "status": 200,\n'
        '    +  "status": 400,\n'
        '    +  "code": "unknown_client"\n'
        "     }\n"
        "  all frames of alice (chateau):\n"
        "    +0.001 s  → sent      open    ws://localhost:8888/ws\n"
        '    +0.002 s  → sent      text    {"type": 1, "username": "alice-x7k2p9"}\n'
        '    +0.003 s  ← received  text    {"type": 1, "status": 200}\n'
        '    +0.007 s  → sent      text    {"type": 3, "clients": ["bob-x7k2p9"], "content": "hi"}\n'
        '    +0.008 s  ← received  text    {"type": 3, "status": 400, "code": "unknown_client"}\n'
        "  all frames of bob (chateau):\n"
        "    +0.004 s  → sent      open    ws://localhost:8888/ws\n"
        '    +0.005 s  → sent      text    {"type": 1, "username": "bob-x7k2p9"}\n'
        '    +0.006 s  ← received  text    {"type": 1, "status": 200}\n'
        "    +0.009 s  ← received  ping    are you there\n"
        "    +0.010 s  → sent      pong    are you there"
    )


def test_failure_text_omits_the_final_aborts_but_not_those_of_steps() -> None:
    failed = result(Verdict.FAILED)
    cut = entry(0.02, "bob", SENT, Opcode.CLOSE, ABORTED)
    leaving = entry(5, "alice", SENT, Opcode.CLOSE, ABORTED)

    told = failure_text(replace(failed, transcript=(*failed.transcript, cut, leaving)))

    assert told == failure_text(failed) + "\n    +0.020 s  → sent      close   abort"


def test_failure_text_is_empty_for_a_passed_scenario() -> None:
    assert failure_text(result()) == ""


def test_failure_text_has_the_reason_of_a_skip() -> None:
    told = failure_text(result(Verdict.SKIPPED))

    assert told == "skipped  A direct message reaches its recipient: it needs chateau 9"


def test_failure_text_of_an_error_without_a_step_has_file_and_reason() -> None:
    told = failure_text(result(Verdict.ERROR, transcript=(), rule=""))

    assert told.splitlines()[1:] == [
        "  file: messages/course/hello.json",
        "  nobody listens at localhost:8888",
    ]


def test_a_reason_that_repeats_the_failure_is_shown_once() -> None:
    failed = result(Verdict.FAILED)
    assert failed.failure is not None

    told = failure_text(replace(failed, verdict=Verdict.ERROR, reason=failed.failure.sentence))

    assert told.count(failed.failure.sentence) == 1


def test_only_the_last_ten_frames_of_each_client_are_shown() -> None:
    told = failure_text(chatter(clients=2, frames=300))

    assert "the last 10 of 152 frames of client-1" in told
    assert told.count("→ sent") + told.count("← received") == 20
    assert max(map(len, told.splitlines())) < 300


def test_the_notes_of_a_crash_keep_their_first_line_and_their_last() -> None:
    note = "\n".join(
        ["The server crashed.", *(f"line {number}" for number in range(500)), "KeyError: 'type'"]
    )

    told = failure_text(result(Verdict.ERROR, transcript=(), notes=(note,)))

    assert "  note: The server crashed.\n    … 461 lines …\n    line 461\n" in told
    assert told.endswith("\n    KeyError: 'type'")


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.ERROR, Verdict.SKIPPED])
def test_invisible_characters_are_escaped(verdict: Verdict) -> None:
    told = failure_text(nasty(verdict))

    assert r"a\u0000b\u001b[31m <script>" in told
    assert [character for character in told if not character.isprintable() and character != "\n"] == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, é, 日本, 😀", "plain, é, 日本, 😀"),
        ("a\tb\r\nc", r"a\tb\r\nc"),
        ("\x00\x1b\x7f\x85", r"\u0000\u001b\u007f\u0085"),
        ("\u200b\u202e\ufeff\u00a0\u2028", r"\u200b\u202e\ufeff\u00a0\u2028"),
        ("\ud800\uffff\U000e0041", r"\ud800\uffff\U000e0041"),
        ("\u3164\u2800", r"\u3164\u2800"),
    ],
)
def test_a_character_is_seen_or_written_out(text: str, seen: str) -> None:
    assert terminal.one_line(text) == seen


@pytest.mark.parametrize(
    "text", ["x" * 100, "日" * 60, "\x00" * 50, "ab " * 40, '{"a": [1, 2, 3]}' * 9, "😀\n" * 30]
)
@pytest.mark.parametrize("width", [8, 9, 31])
def test_shortened_text_fits_its_width(text: str, width: int) -> None:
    line = terminal.shortened(text, width)

    assert terminal.cells(line) <= width
    assert line.endswith("…")


def test_text_that_fits_is_unchanged() -> None:
    assert terminal.shortened("just so", 7) == "just so"


@pytest.mark.parametrize(
    ("opcode", "content", "told"),
    [
        (Opcode.BINARY, bytes(range(4)), "00 01 02 03"),
        (Opcode.CLOSE, close_payload(1000, "bye"), "1000 bye"),
        (Opcode.CLOSE, b"", ""),
        (Opcode.CLOSE, ABORTED, "abort"),
        (Opcode.OPEN, b"tcp://localhost:9090", "tcp://localhost:9090"),
        (Opcode.OPEN, b'{"url": "ws://h/", "headers": [["Origin", "x"]]}', "ws://h/ Origin: x"),
        (Opcode.OPEN, b'{"url": 3}', '{"url": 3}'),
        (Opcode.TEXT, b"\xff", r"\xff"),
        (Opcode.TEXT, "é".encode() * 300, "é" * 199 + "… (600 bytes)"),
        (Opcode.TEXT, b"x" * 2**20, "x" * 199 + "… (1,048,576 bytes)"),
    ],
)
def test_a_payload_is_shown_in_one_line(opcode: Opcode, content: bytes, told: str) -> None:
    assert payload(entry(0, "alice", SENT, opcode, content)) == told


def test_the_sentence_of_a_result_is_one_line() -> None:
    assert "\n" not in sentence(nasty(Verdict.FAILED))


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_can_be_written_of_every_run(name: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report"

    write(run, {name: str(path)})

    assert path.read_text("utf-8") == report(name, run)
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_takes_the_place_of_the_one_before_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("before")
    path.chmod(0o640)

    save("after", str(path))

    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("after", 0o640)


def test_a_symbolic_link_still_points_to_the_report(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "report")

    save("told", str(link))

    assert link.is_symlink()
    assert (tmp_path / "report").read_text() == "told"


def test_a_device_stays_one() -> None:
    save("told", os.devnull)

    assert Path(os.devnull).is_char_device()


def test_a_dash_is_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    write(run_of([]), {"tap": "-"})

    assert capfd.readouterr().out == "TAP version 14\n1..0 # SKIP no scenario was played\n"


def test_stdout_may_be_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)

    save("é", "-")

    assert out.getvalue() == "é"


@pytest.mark.parametrize("path", ["missing/report.xml", ".", "a\0b", "x" * 300])
def test_a_report_that_cannot_be_written_is_named_and_keeps_no_other_from_it(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ReportError, match="cannot be written to"):
        write(run_of([result()]), {"junit": path, "tap": "report.tap"})

    assert [file.name for file in tmp_path.iterdir()] == ["report.tap"]


def test_the_nasty_text_is_nasty() -> None:
    with pytest.raises(UnicodeEncodeError):
        NASTY.encode()


PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_in_the_page(name: str) -> None:
    assert f"| `--{name} FILE` |" in PAGE


def test_the_page_has_the_text_of_the_terminal() -> None:
    failed = result(Verdict.FAILED)
    told = failure_text(failed).partition("  all frames of bob")[0]
    tap = report("tap", run_of([failed, result(Verdict.SKIPPED)])).splitlines()

    assert f"```\n{told}```\n" in PAGE
    shown = PAGE.partition("```\nTAP version 14")[2].partition("\n```")[0].splitlines()[1:]
    assert [line for line in shown if line not in tap] == ["  …"]
