"""HTML report: the verdict of each scenario, why it did not pass, and its sequence diagram.

The page is one file, loads nothing, runs no script, and can be printed. page.html is its template.
"""

import hashlib
from base64 import b64encode
from html import escape
from importlib.resources import files
from textwrap import dedent

from tornado.template import Template

from chateau.client.reports.diagram import diagram
from chateau.client.reports.text_format import PAYLOAD_WIDTH, notes, whole_transcript, why
from chateau.client.scenarios.model import NOT_PASSED, Result, Run, Verdict, summary
from chateau.client.text_safety import in_lines, one_line

STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
_PAGE = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"), "page.html")

_SIGNS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.ERROR: "!", Verdict.SKIPPED: "○"}


def html(run: Run) -> str:
    """Return *run* as an HTML page."""
    numbered = enumerate(run.results, start=1)
    page = _PAGE.generate(
        run=run,
        style=STYLE,
        policy=POLICY,
        failed=[(number, result) for number, result in numbered if result.verdict in NOT_PASSED],
        whole_transcript=lambda result: whole_transcript(result, PAYLOAD_WIDTH),
        **{function.__name__: function for function in (dedent, diagram, notes, one_line, summary, why)},
        paragraph=_paragraph,
        points=_points,
        verdict=_verdict,
        worth=_worth,
    )
    return page.decode()


def _verdict(result: Result) -> str:
    sign = f'<span aria-hidden="true">{_SIGNS[result.verdict]}</span>'
    return f'<span class="verdict {result.verdict}">{sign} {result.verdict}</span>'


def _worth(result: Result) -> str:
    return "" if result.verdict is Verdict.SKIPPED else f"{result.score:g} of {result.points:g}"


def _points(run: Run) -> str:
    played = [result for result in run.results if result.verdict is not Verdict.SKIPPED]
    score, points = sum(result.score for result in played), sum(result.points for result in played)
    return f"{score:g} of {points:g} points." if played else ""


def _paragraph(text: str) -> str:
    return "<br>".join(escape(line) for line in in_lines(text))
