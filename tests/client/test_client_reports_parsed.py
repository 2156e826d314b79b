"""Reports read back by parsers that are not ours: JUnit, TAP with its YAML, JSON, HTML."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import junitparser
import pytest
from reported_runs import BEGAN, NASTY, RUNS, result, run_of
from tap.parser import Parser

from chateau.client.reports.gradescope import gradescope, unplayed
from chateau.client.reports.html import html
from chateau.client.reports.junit import junit
from chateau.client.reports.tap import tap
from chateau.client.reports.text_format import failure_text, sentence
from chateau.client.scenarios.model import Run, Verdict, Visibility
from chateau.client.terminal import one_line

EVERY_RUN = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
BAD = {Verdict.FAILED, Verdict.ERROR}

# The order of children that the schemas of Jenkins, Ant and others have in common.
ORDER = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase", "system-out", "system-err"],
    "testcase": ["properties", "skipped", "error", "failure", "system-out", "system-err"],
}
NEEDED = {
    "testsuite": {"name", "tests", "failures", "errors", "time", "timestamp", "hostname", "id"},
    "testcase": {"classname", "name", "file", "line", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
}


@EVERY_RUN
def test_junit_is_read_by_another_parser(run: Run) -> None:
    read = junitparser.JUnitXml.fromstring(junit(run).encode())

    kinds = {"Failure": Verdict.FAILED, "Error": Verdict.ERROR, "Skipped": Verdict.SKIPPED}
    cases = [case for suite in read for case in suite]
    told = [(case.name, [kinds[type(part).__name__] for part in case.result]) for case in cases]
    expected = [
        (one_line(result.name), [] if result.verdict is Verdict.PASSED else [result.verdict])
        for result in run.results
    ]
    assert told == expected
    verdicts = Counter(result.verdict for result in run.results)
    assert (read.tests, read.failures, read.errors) == (
        len(run.results),
        verdicts[Verdict.FAILED],
        verdicts[Verdict.ERROR],
    )


@EVERY_RUN
def test_junit_follows_what_the_schemas_share(run: Run) -> None:
    root = ElementTree.fromstring(junit(run).encode())

    for element in root.iter():
        order = [ORDER[element.tag].index(child.tag) for child in element] if element.tag in ORDER else []
        assert order == sorted(order)
        assert NEEDED.get(element.tag, set()) - set(element.keys()) == set()
        assert re.fullmatch(r"\d+\.\d{3}", element.get("time", "0.000"))
    for suite in root:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        assert len(suite.findall("testcase")) == int(suite.attrib["tests"])
    assert [suite.attrib["id"] for suite in root] == [str(number) for number in range(len(root))]


@EVERY_RUN
def test_junit_has_no_character_that_xml_forbids(run: Run) -> None:
    assert re.search("[^\n\x20-\x7e\xa1-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", junit(run)) is None


def test_junit_has_failure_transcript_and_points() -> None:
    failed = result(Verdict.FAILED, notes=("The server crashed.",))
    (case,) = ElementTree.fromstring(junit(run_of([failed]))).iter("testcase")

    failure = case.find("failure")
    assert failure is not None
    assert failure.text == failure_text(failed)
    assert dict(failure.items()) == {"message": sentence(failed), "type": "expect"}
    assert (case.get("classname"), case.get("line"), case.get("time")) == (
        "messages.course.hello",
        "14",
        "0.012",
    )
    assert "bob    +0.009 s  ← received  ping    are you there" in str(case.findtext("system-out"))
    assert case.findtext("system-err") == "The server crashed."
    points = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert (points["points"], points["score"]) == ("2", "0")


def test_junit_has_a_suite_for_each_folder() -> None:
    files = ["a/one.json", "b/two.json", "a/three.json", "four.json"]
    root = ElementTree.fromstring(junit(run_of([result(file=file) for file in files])))

    suites = {suite.get("name"): [case.get("file") for case in suite.iter("testcase")] for suite in root}
    assert suites == {".": ["four.json"], "a": ["a/one.json", "a/three.json"], "b": ["b/two.json"]}


def lines_of(run: Run) -> list[Any]:
    return list(Parser().parse_text(tap(run)))


@EVERY_RUN
def test_tap_is_read_by_another_parser(run: Run) -> None:
    version, plan, *points = lines_of(run)

    assert (version.version, plan.expected_tests) == (14, len(run.results))
    assert [(point.ok, point.number) for point in points] == [
        (result.verdict not in BAD, number) for number, result in enumerate(run.results, start=1)
    ]
    for point, told in zip(points, run.results, strict=True):
        block = point.yaml_block
        assert (block is None) == (told.verdict not in BAD)
        if block is not None:
            assert block["message"] == sentence(told)
            assert block["told"] == failure_text(told).split("\n")
            assert block["severity"] == {Verdict.FAILED: "fail", Verdict.ERROR: "error"}[told.verdict]


def test_tap_has_the_reason_of_a_skip() -> None:
    point = lines_of(run_of([result(Verdict.SKIPPED)]))[2]

    assert (point.ok, point.skip, point.directive.reason) == (True, True, "it needs chateau 9")


def test_tap_has_the_location_and_the_expectation() -> None:
    block = lines_of(run_of([result(Verdict.FAILED)]))[2].yaml_block

    assert block["at"] == {"file": "messages/course/hello.json", "line": 14}
    assert block["expected"] == '{\n  "type": 3,\n  "status": 200,\n}'
    assert block["got"] == '{\n  "type": 3,\n  "status": 400,\n  "code": "unknown_client"\n}'


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("1 # SKIP not", r"ok 1 - 1 \# SKIP not"),
        ("a\\", "ok 1 - a\\\\"),
        ("a\nnot ok 2", r"ok 1 - a\\nnot ok 2"),
        ("", "ok 1 -"),
    ],
)
def test_a_name_stays_a_name_in_tap(name: str, line: str) -> None:
    assert tap(run_of([result(name=name)])).splitlines()[2:] == [line]


def test_a_run_without_scenarios_is_a_skipped_tap() -> None:
    _, plan = lines_of(run_of([]))

    assert (plan.expected_tests, plan.skip) == (0, True)


@EVERY_RUN
def test_gradescope_output_follows_its_specification(run: Run) -> None:
    document = json.loads(gradescope(run))

    _check_gradescope(document)
    assert [test["number"] for test in document["tests"]] == [
        str(number) for number in range(1, len(run.results) + 1)
    ]
    assert document["score"] == sum(result.score for result in run.results)
    assert document["execution_time"] == 1.5


def _check_gradescope(document: dict[str, Any]) -> None:
    assert document["stdout_visibility"] == "hidden"
    assert isinstance(document["output"], str)
    for test in document["tests"]:
        assert 0 <= test["score"] <= test["max_score"]
        assert test.get("status") in {"passed", "failed", None}
        assert test["visibility"] in {"hidden", "after_due_date", "after_published", "visible"}
        assert {type(test[key]) for key in ("name", "number", "output", "output_format")} == {str}


def test_gradescope_output_does_not_reveal_hidden_tests() -> None:
    hidden = result(Verdict.FAILED, name="secret", visibility=Visibility.HIDDEN)
    document = json.loads(gradescope(run_of([result(), hidden])))

    assert [test["visibility"] for test in document["tests"]] == ["visible", "hidden"]
    assert document["output"] == "1 scenario: 1 passed."


def test_a_skipped_scenario_is_worth_nothing_on_gradescope() -> None:
    (test,) = json.loads(gradescope(run_of([result(Verdict.SKIPPED)])))["tests"]

    assert (test["score"], test["max_score"], test.get("status")) == (0, 0, None)
    assert "it needs chateau 9" in test["output"]


def test_an_unplayed_scenario_gets_no_points_on_gradescope() -> None:
    known = [result(name="one", points=3.0), result(name="two", visibility=Visibility.HIDDEN)]
    document = json.loads(unplayed(known, f"The server did not start: {NASTY}"))

    _check_gradescope(document)
    assert [
        (test["name"], test["score"], test["max_score"], test["status"]) for test in document["tests"]
    ] == [
        ("one", 0, 3, "failed"),
        ("two", 0, 2, "failed"),
    ]
    assert document["score"] == 0
    assert document["tests"][1]["visibility"] == "hidden"
    assert document["output"].startswith("The server did not start: a")


def test_gradescope_gets_a_file_even_where_no_scenario_is_known() -> None:
    document = json.loads(unplayed([], "The scenarios are not there."))

    assert (document["score"], document["tests"], document["output"]) == (
        0,
        [],
        "The scenarios are not there.",
    )


class Page(HTMLParser):
    """What is in a page: its tags, which have to be closed in order, its attributes and its text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(run: Run) -> Page:
    page = Page()
    page.feed(html(run))
    page.close()
    return page


@EVERY_RUN
def test_the_page_is_whole_and_fetches_and_runs_nothing(run: Run) -> None:
    page = page_of(run)

    assert page.open == []
    assert set(page.tags) & {"script", "img", "link", "iframe", "object", "base", "image", "use"} == set()
    names = {name for name, _ in page.attributes}
    assert names & {"src", "srcset", "xlink:href", "style"} == set()
    assert [name for name in names if name.startswith("on")] == []
    assert {str(value)[:1] for name, value in page.attributes if name == "href"} <= {"#"}
    assert "url(" not in html(run)
    assert "@import" not in html(run)


@EVERY_RUN
def test_the_page_leads_from_each_row_and_each_failure_to_its_scenario(run: Run) -> None:
    page = page_of(run)
    failed = [
        f"s{number}"
        for number, result in enumerate(run.results, start=1)
        if result.verdict in {Verdict.FAILED, Verdict.ERROR}
    ]

    links = [str(value)[1:] for name, value in page.attributes if name == "href"]
    ids = [value for name, value in page.attributes if name == "id"]
    assert links == failed + ids
    assert len(ids) == len(run.results) == len(set(ids))


@EVERY_RUN
def test_the_page_has_every_failure_as_text(run: Run) -> None:
    shown = "".join(page_of(run).text)

    for told in run.results:
        assert one_line(told.name) in shown
        assert sentence(told) in shown or told.verdict is Verdict.PASSED or "\n" in told.reason


def test_the_content_security_policy_allows_the_style() -> None:
    """A browser takes the hash of what is between the tags."""
    import base64
    import hashlib

    page = html(run_of([]))
    style = page.split("<style>", 1)[1].split("</style>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; style-src 'sha256-{digest}';" in page


def times_in(page: str) -> Iterator[str]:
    return (found.group() for found in re.finditer(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", page))


def test_the_page_has_the_time_of_the_run() -> None:
    assert list(times_in(html(run_of([])))) == [BEGAN.strftime("%Y-%m-%d %H:%M:%S UTC")]
