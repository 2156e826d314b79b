"""JUnit XML for continuous integration: a suite per folder, a test case per scenario.

There is no single specification. The output follows what the common schemas share: the order of elements,
times in seconds with a decimal point, timestamps in UTC without a zone.
"""

import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, groupby
from pathlib import PurePath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from chateau.client.reports.text_format import failure_text, sentence, whole_transcript
from chateau.client.scenarios.model import Result, Run, Verdict
from chateau.client.terminal import in_lines, one_line

PAYLOAD_WIDTH = 1_000
_TAGS = {Verdict.FAILED: "failure", Verdict.ERROR: "error"}


def junit(run: Run) -> str:
    """Return *run* as JUnit XML."""
    counts = _counts(run.results)
    root = Element("testsuites", {"name": "chateau", **counts, "time": _seconds(run.seconds)})
    by_folder = sorted(run.results, key=_folder)  # stable: within a folder, the order of the run
    for number, (folder, results) in enumerate(groupby(by_folder, key=_folder)):
        _suite(root, str(number), folder, tuple(results), run)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _suite(root: Element, number: str, folder: str, results: Sequence[Result], run: Run) -> None:
    attributes = {
        "id": number,
        "name": one_line(folder),
        **_counts(results),
        "skipped": _count(results, Verdict.SKIPPED),
        "time": _seconds(sum(result.seconds for result in results)),
        "timestamp": _timestamp(min(result.started_at for result in results)),
        "hostname": one_line(socket.gethostname()) or "localhost",
    }
    suite = SubElement(root, "testsuite", attributes)
    _properties(suite, server=run.server)
    for result in results:
        _case(suite, result)
    SubElement(suite, "system-out")
    SubElement(suite, "system-err")


def _case(suite: Element, result: Result) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=one_line(_class(result)),
        name=one_line(result.name),
        file=one_line(result.failure.location.file if result.failure else result.file),
        line=str(result.failure.location.line if result.failure else 1),
        time=_seconds(result.seconds),
    )
    _properties(case, points=f"{result.points:g}", score=f"{result.score:g}", rule=result.rule)
    _outcome(case, result)
    SubElement(case, "system-out").text = "\n".join(whole_transcript(result, PAYLOAD_WIDTH))
    if result.notes:
        SubElement(case, "system-err").text = "\n".join(chain.from_iterable(map(in_lines, result.notes)))


def _outcome(case: Element, result: Result) -> None:
    if result.verdict is Verdict.SKIPPED:
        SubElement(case, "skipped", message=sentence(result))
    elif tag := _TAGS.get(result.verdict):
        SubElement(case, tag, message=sentence(result), type=_type(result)).text = failure_text(result)


def _type(result: Result) -> str:
    """Return the kind of the failed step: ``expect``, ``connect`` …"""
    step = result.failure.step.split() if result.failure else []
    return one_line(step[0]) if step else "scenario"


def _properties(parent: Element, **values: str) -> None:
    properties = SubElement(parent, "properties")
    for name, value in values.items():
        if value:
            SubElement(properties, "property", name=name, value=one_line(value))


def _counts(results: Sequence[Result]) -> dict[str, str]:
    failures, errors = (_count(results, verdict) for verdict in (Verdict.FAILED, Verdict.ERROR))
    return {"tests": str(len(results)), "failures": failures, "errors": errors}


def _count(results: Sequence[Result], verdict: Verdict) -> str:
    return str(sum(result.verdict is verdict for result in results))


def _folder(result: Result) -> str:
    return str(PurePath(result.file).parent)


def _class(result: Result) -> str:
    """Return the file as a class name: ``messages.chateau.hello`` for ``messages/chateau/hello.json``."""
    parts = PurePath(result.file).with_suffix("").parts
    return ".".join(part for part in parts if part not in {"/", ".", ".."})


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
