"""The Autobahn run's verdicts and tables, with no suite at hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("behavior", "close", "verdict", "failed"),
    [
        ("OK", "OK", "OK", False),
        ("NON-STRICT", "OK", "NON-STRICT", False),
        ("INFORMATIONAL", "INFORMATIONAL", "INFORMATIONAL", False),
        ("UNIMPLEMENTED", "OK", "UNIMPLEMENTED", False),
        ("FAILED", "OK", "FAILED", True),
        ("FAILED", "WRONG CODE", "FAILED", True),
        ("OK", "WRONG CODE", "WRONG CODE", True),
        ("OK", "UNCLEAN", "UNCLEAN", True),
        ("OK", "FAILED BY CLIENT", "FAILED BY CLIENT", True),
        ("A NEW WORD", "OK", "A NEW WORD", True),
    ],
)
def test_a_case_fails_by_the_worse_of_its_two_judgements(
    tmp_path: Path, behavior: str, close: str, verdict: str, failed: bool
) -> None:
    case = report.Case("1.1.1", behavior, close, tmp_path / "case.json")

    assert (case.verdict, case.failed) == (verdict, failed)


def test_a_report_is_counted_by_group_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    outcomes = {"10.1.1": ("OK", "OK"), "2.10": ("OK", "UNCLEAN"), "2.9": ("NON-STRICT", "OK")}
    index = {
        number: {"behavior": behavior, "behaviorClose": close, "reportfile": "case.json"}
        for number, (behavior, close) in outcomes.items()
    }
    (tmp_path / "index.json").write_text(json.dumps({"fast": index}))

    cases = report.read(tmp_path)

    assert [case.id for case in cases] == ["2.9", "2.10", "10.1.1"]
    assert list(report.markdown(cases)) == [
        "| group | cases | OK | NON-STRICT | INFORMATIONAL | UNIMPLEMENTED | FAILED | UNCLEAN |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 2 Pings and pongs | 2 | 0 | 1 | 0 | 0 | 0 | 1 |",
        "| 10 Automatic fragmentation | 1 | 1 | 0 | 0 | 0 | 0 | 0 |",
        "| all | 3 | 1 | 1 | 0 | 0 | 0 | 1 |",
        "",
        "NON-STRICT: 2.9.",
    ]


def test_a_run_without_a_report_has_no_cases(tmp_path: Path) -> None:
    assert report.read(tmp_path) == []
