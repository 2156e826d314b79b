"""A student's first server, graded: three honest mistakes, and each failure names its rule."""

import csv
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
BROKEN_RULES = {
    "a username belongs to sessions, and a session is one connection",
    "a name listed twice is delivered once",
    "lists of names are sorted by that profile's form",
}


def test_three_failures_each_name_their_rule(tmp_path: Path) -> None:
    submission = tmp_path / "submissions" / "alice"
    submission.mkdir(parents=True)
    source = (CHECKOUT / "examples" / "student_server.py").read_text("utf-8")
    (submission / "server.py").write_text(source, "utf-8")

    subprocess.run(
        [
            *(sys.executable, "test_client.py", "grade", str(tmp_path / "submissions")),
            *(
                "--scenarios",
                "conformance/chateau",
                "--implements",
                "chateau=1,3,4",
                "--implements",
                "lines=",
            ),
            *("--csv", str(tmp_path / "grades.csv"), "--reports", str(tmp_path / "reports")),
        ],
        cwd=CHECKOUT,
        check=True,
        timeout=PATIENCE_SECONDS,
    )

    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["submission"], row["failed"], row["error"]) == ("alice", "3", "0")
    assert int(row["passed"]) > 70
    assert float(row["score"]) == float(row["max_score"]) - 3
    assert broken_rules(tmp_path / "reports" / "alice" / "junit.xml") == BROKEN_RULES
    told = (tmp_path / "reports" / "alice" / "results.json").read_text("utf-8")
    assert all(f"rule: {rule}" in told for rule in BROKEN_RULES)


def broken_rules(report: Path) -> set[str]:
    cases = [case for case in ElementTree.parse(report).iter("testcase") if case.find("failure") is not None]
    rules = [case.find("properties/property[@name='rule']") for case in cases]
    return {rule.get("value", "") for rule in rules if rule is not None}
