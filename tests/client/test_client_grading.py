"""Grading: every submission gets its row, whatever it does, and nothing of it is left."""

import csv
import json
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from chateau.client import grading
from chateau.client.commands import grade as command
from chateau.client.grading import Grade, NoSubmissions, submissions_in
from chateau.client.scenarios.model import Scenario, Verdict

FIRST = {"name": "The first, and shortest", "points": 1}
SECOND = {"name": "=SECOND()", "points": 2.5}
CLIENT = {"clients": {"alice": {"protocol": "chateau"}}, "steps": [{"connect": "alice"}]}


class Course:
    """A folder of submissions, two scenarios, and what grading them came to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.submissions = folder / "submissions"
        self.scenarios = folder / "scenarios"
        self.csv = folder / "grades.csv"
        self.submissions.mkdir()
        self.scenarios.mkdir()
        for name, scenario in (("1.json", FIRST), ("2.json", SECOND)):
            (self.scenarios / name).write_text(json.dumps({**scenario, **CLIENT}), "utf-8")

    def hand_in(self, name: str, program: str) -> Path:
        """A submission whose server is *program*; it prints a letter for the verdict of each scenario."""
        folder = self.submissions / name
        folder.mkdir(parents=True)
        (folder / "server.py").write_text(program, "utf-8")
        return folder

    def grade(self, *options: str, scenarios: Path | None = None, submissions: Path | None = None) -> int:
        parser = ArgumentParser()
        command.add_arguments(parser)
        words = [str(submissions or self.submissions), "--csv", str(self.csv)]
        words += ["--scenarios", str(scenarios or self.scenarios), "--submission-timeout", "10", *options]
        return command.run(parser.parse_args(words))

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        with self.csv.open(encoding="utf-8", newline="") as file:
            return {row["submission"]: row for row in csv.DictReader(file)}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    stand_in = Path(__file__).with_name("stand_in_for_grading.py")
    monkeypatch.setattr(grading, "CALL", f"root = {{!r}}; exec(open({str(stand_in)!r}).read())")
    monkeypatch.setattr(command, "DEFAULT_COMMAND", f"{sys.executable} -S server.py {{port}}")
    return Course(tmp_path)


def test_each_submission_gets_a_row_sorted_by_name(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.hand_in("bob", "print('PF')")
    course.hand_in("alice", "print('PP')")
    course.hand_in(".git", "print('PP')")
    (course.submissions / "notes.txt").write_text("no submission", "utf-8")

    assert course.grade("-j", "4") == 0

    assert list(course.rows) == ["alice", "bob"]
    assert course.rows["bob"] == {
        "submission": "bob",
        "score": "1",
        "max_score": "3.5",
        "passed": "1",
        "failed": "1",
        "error": "0",
        "skipped": "0",
        "seconds": course.rows["bob"]["seconds"],
        "note": "",
        "The first, and shortest": "1",
        "'=SECOND()": "0",
    }
    told = sorted(capsys.readouterr().out.splitlines())
    assert told[0].startswith("alice  3.5 / 3.5  (")
    assert told[1].startswith("bob    1 / 3.5  (")
    assert len(told) == 2


def test_a_skipped_scenario_counts_neither_way(course: Course) -> None:
    course.hand_in("alice", "print('PS')")
    (course.submissions / "bob").mkdir()

    course.grade()

    alice, bob = course.rows["alice"], course.rows["bob"]
    assert (alice["score"], alice["max_score"], alice["'=SECOND()"]) == ("1", "1", "")
    assert (bob["score"], bob["max_score"], bob["note"]) == ("0", "1", "The folder is empty.")


def test_the_note_has_the_error(course: Course) -> None:
    course.hand_in("crash", "print('PC')")
    course.hand_in("error", "print('EP')")
    course.hand_in("murder", "import os, time; os.kill(os.getppid(), 9); time.sleep(60)")
    course.hand_in("unreadable", "import sys; sys.exit('no letters')")

    assert course.grade("-j", "4") == 3

    notes = {name: row["note"] for name, row in course.rows.items()}
    assert notes == {
        "crash": "The server under test ended with exit code 1. KeyError",
        "error": "It could not be played.",
        "murder": "The test client wrote no report.",
        "unreadable": "The test client wrote no report. no letters",
    }
    assert course.rows["murder"]["max_score"] == "3.5"


def test_one_that_hangs_is_ended_with_all_that_it_started_and_the_others_are_graded(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "LEAVE_SECONDS", 0.1)
    folder = course.hand_in(
        "hangs",
        """
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
open("processes", "a").write(f"{os.getpid()}\\n")
time.sleep(60)
""",
    )
    course.hand_in("alice", "print('PP')")

    assert course.grade("-j", "2", "--submission-timeout", "4") == 0

    assert course.rows["hangs"]["note"] == "It did not finish within 4 s."
    assert course.rows["hangs"]["score"] == "0"
    assert course.rows["alice"]["score"] == "3.5"
    left = [process for process in (folder / "processes").read_text("utf-8").split() if is_alive(process)]
    assert left == []


def test_limits_apply_to_a_server(course: Course) -> None:
    course.hand_in("greedy", "try:\n    b'x' * 10**9\nexcept MemoryError:\n    print('FF')")
    course.hand_in("modest", "import resource\nprint('PP' if resource.getrlimit(0)[0] == 7 else 'FF')")

    assert course.grade("-j", "2", "--memory", "256", "--cpu", "7") == 0

    assert course.rows["greedy"]["failed"] == "2"
    assert course.rows["modest"]["passed"] == "2"


def test_a_server_runs_in_the_innermost_of_single_folders(course: Course) -> None:
    inner = course.hand_in("alice/project 1", "import os; print('PP' if os.getcwd() == IN else 'FF')")
    program = (inner / "server.py").read_text("utf-8").replace("IN", repr(str(inner)))
    (inner / "server.py").write_text(program, "utf-8")
    (course.submissions / "alice" / "__MACOSX").mkdir()

    course.grade()

    assert course.rows["alice"]["score"] == "3.5"
    assert sorted(path.name for path in inner.iterdir()) == ["server.py"]


def test_a_folder_that_holds_itself_is_graded_and_no_name_reaches_the_terminal_as_it_is(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = course.submissions / "al\x1b[31mice\n"
    folder.mkdir()
    (folder / "itself").symlink_to(".")

    assert course.grade() == 3

    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert len(told.splitlines()) == 1
    assert "server.py" in course.rows[r"al\u001b[31mice\n"]["note"]


def test_reports_go_to_a_folder_for_each_and_those_of_a_run_before_do_not_stay(course: Course) -> None:
    course.hand_in("alice", "print('PP')")
    (course.submissions / "bob").mkdir()
    old = course.folder / "reports" / "bob" / "junit.xml"
    old.parent.mkdir(parents=True)
    old.write_text("old", "utf-8")

    course.grade("--reports", str(course.folder / "reports"))

    told = json.loads((course.folder / "reports/alice/results.json").read_text("utf-8"))
    assert (course.folder / "reports/alice/junit.xml").exists()
    assert f"--html={course.folder / 'reports/alice/report.html'}" in told
    bobs = json.loads((course.folder / "reports/bob/results.json").read_text("utf-8"))
    assert [test["max_score"] for test in bobs["tests"]] == [1, 2.5]
    assert bobs["score"] == 0
    assert bobs["output"] == "The folder is empty."
    assert not old.exists()


def test_options_of_the_run_are_handed_on(course: Course) -> None:
    course.hand_in("alice", "print('PP')")

    course.grade(
        *("--reports", str(course.folder / "reports"), "--timeout", "2.5", "--set", "a=b=c"),
        *("--implements", "chateau=1,3", "--implements", "lines=", "--path", "chateau=/"),
    )

    told = json.loads((course.folder / "reports/alice/results.json").read_text("utf-8"))
    assert {"--timeout=2.5", "--set=a=b=c", "--implements=chateau=1,3", "--implements=lines="} <= set(told)
    assert "--path=chateau=/" in told


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda course: {"submissions": course.folder / "nowhere"}, "nowhere: No such file or directory"),
        (lambda course: {"submissions": course.scenarios / "1.json"}, "1.json: Not a directory"),
        (lambda course: {"submissions": course.scenarios}, "there is no submission in it: it has no folders"),
        (lambda course: {"scenarios": course.folder / "nowhere.json"}, "nowhere.json"),
        (lambda course: {"scenarios": course.submissions}, "there is no scenario in this folder"),
    ],
)
def test_a_wrong_folder_or_no_scenario_is_an_error_before_grading(
    course: Course, capsys: pytest.CaptureFixture[str], prepare: object, says: str
) -> None:
    course.hand_in("alice", "print('PP')")

    assert course.grade(**prepare(course)) == 2  # type: ignore[operator]

    assert says in capsys.readouterr().err
    assert not course.csv.exists()


def test_an_invalid_scenario_is_reported_with_its_line(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.hand_in("alice", "print('PP')")
    (course.scenarios / "2.json").write_text(
        '{"name": "x",\n "steps": [{"sned": 1}],\n "clients": {}}', "utf-8"
    )

    assert course.grade() == 2

    assert "2.json, line 2" in capsys.readouterr().err


def test_a_csv_file_that_cannot_be_written_is_an_error_before_grading(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.hand_in("alice", "open('it ran', 'w'); print('PP')")
    course.csv.mkdir()

    assert course.grade() == 2

    assert "grades.csv: Is a directory" in capsys.readouterr().err
    assert not (course.submissions / "alice" / "it ran").exists()


def test_archives_are_to_be_unpacked_first(tmp_path: Path) -> None:
    (tmp_path / "alice.zip").write_bytes(b"PK")

    with pytest.raises(NoSubmissions, match="unpack the archives first"):
        submissions_in(tmp_path)


def test_grades_before_an_interruption_are_written(course: Course) -> None:
    course.hand_in("alice", "print('PP')")
    course.hand_in("bob", "import os, signal; os.kill(int(os.environ['GRADER']), signal.SIGINT); input()")
    course.hand_in("carol", "print('PP')")
    os.environ["GRADER"] = str(os.getpid())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert course.grade() == 130
    finally:
        signal.signal(signal.SIGINT, before)
        del os.environ["GRADER"]

    assert course.rows["alice"]["score"] == "3.5"
    assert course.rows["carol"]["note"] == "It was not graded: interrupted."
    assert len(course.rows) == 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    tasks = (Scenario(text, "1.json", Path(), {}, ()),)
    grading.write_csv(tmp_path / "grades.csv", [Grade(text, tasks, (Verdict.PASSED,), note=text)], tasks)

    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)

    assert header[-1] == f"'{text}"
    assert (row[0], row[-2]) == (f"'{text}", f"'{text}")


UNSAFE = ["\x1b[2J", "a\r\nb", "\t=1", "\r=1", "\n=1", "\x00", "\x9b", "\u202ex", "\u2028=1", "\udcff"]


@pytest.mark.parametrize("text", UNSAFE)
def test_no_cell_and_no_line_has_control_characters(tmp_path: Path, text: str) -> None:
    tasks = (Scenario(text, "1.json", Path(), {}, ()),)
    graded = Grade(text, tasks, (Verdict.PASSED,), note=text)
    grading.write_csv(tmp_path / "grades.csv", [graded], tasks)

    lines = (tmp_path / "grades.csv").read_bytes().decode().split("\r\n")

    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line.split(","))
    assert command._line(graded, 10).isprintable()


def test_names_with_any_signs_come_back_from_the_sheet(tmp_path: Path) -> None:
    names = ['a "b", c', "d;e", "f\ng", "ü☃", "broken \udcff"]
    task = Scenario("note", "x/1.json", Path(), {}, ())
    grading.write_csv(tmp_path / "grades.csv", [Grade(name, (task,)) for name in names], [task])

    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))

    assert [row[0] for row in rows[1:]] == ['a "b", c', r"broken \udcff", "d;e", r"f\ng", "ü☃"]
    assert rows[0][-1] == "note (x/1.json)"


def is_alive(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
