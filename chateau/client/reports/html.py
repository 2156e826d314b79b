"""HTML report: the verdict of each scenario, why it did not pass, and its sequence diagram.

The page is one file, loads nothing, runs no script, and can be printed.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from textwrap import dedent

from chateau.client.reports.diagram import diagram
from chateau.client.reports.text_format import PAYLOAD_WIDTH, notes, whole_transcript, why
from chateau.client.scenarios.model import Result, Run, Verdict, summary
from chateau.client.text_safety import in_lines, one_line

STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"

_NOT_PASSED = frozenset({Verdict.FAILED, Verdict.ERROR})
_SIGNS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.ERROR: "!", Verdict.SKIPPED: "○"}
_LEGEND = """\
<p class="legend">A solid arrow is a frame, a line or a request. Dashed: a ping or a pong. Dotted: a
connection is opened or closed. Double: bytes sent past the framing. The bar on the line of a client:
connected. Rest the mouse on a frame to read all that it carries; the list below a diagram has it, too.</p>"""


def html(run: Run) -> str:
    """Return *run* as an HTML page."""
    return "\n".join([*_head(run), *_overview(run), *_scenarios(run), "</main>", "</body>", "</html>", ""])


def _head(run: Run) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{_text(summary(run.results))}</title>"
    yield f"<style>{STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield "<main>"


def _overview(run: Run) -> Iterator[str]:
    yield f"<h1>Scenarios against {_text(run.server)}</h1>"
    yield f'<p class="summary">{_text(summary(run.results))} {_points(run)}</p>'
    yield f'<p class="when">{_when(run.started_at)}, {run.seconds:.2f} seconds</p>'
    if not run.results:
        return
    yield from _what_failed(run)
    yield "<table>"
    yield '<thead><tr><th scope="col">verdict</th><th scope="col">scenario</th>'
    yield '<th scope="col" class="number">points</th><th scope="col" class="number">seconds</th></tr></thead>'
    yield "<tbody>"
    for number, result in enumerate(run.results, start=1):
        yield (
            f"<tr><td>{_verdict(result)}</td>"
            f'<td><a href="#s{number}">{_text(result.name)}</a></td>'
            f'<td class="number">{_worth(result)}</td><td class="number">{result.seconds:.2f}</td></tr>'
        )
    yield "</tbody>"
    yield "</table>"


def _what_failed(run: Run) -> Iterator[str]:
    """Yield a list of the scenarios that did not pass, with the rules that are violated."""
    numbered = enumerate(run.results, start=1)
    failed = [(number, result) for number, result in numbered if result.verdict in _NOT_PASSED]
    if failed:
        yield '<ul class="failed">'
        for number, result in failed:
            rule = f": {_text(result.rule)}" if result.rule else ""
            yield f'<li>{_verdict(result)} <a href="#s{number}">{_text(result.name)}</a>{rule}</li>'
        yield "</ul>"


def _scenarios(run: Run) -> Iterator[str]:
    if any(result.transcript for result in run.results):
        yield _LEGEND
    for number, result in enumerate(run.results, start=1):
        yield f'<section id="s{number}">'
        yield f"<h2>{_verdict(result)} {_text(result.name)}</h2>"
        yield from _facts(result)
        if result.verdict in _NOT_PASSED:
            yield _listing(result.verdict, [*why(result), *notes(result)])
        if result.transcript:
            yield f"<figure>{diagram(result, run.server)}</figure>"
            frames = _listing("frames", whole_transcript(result, PAYLOAD_WIDTH))
            yield f"<details><summary>All frames as text</summary>{frames}</details>"
        yield "</section>"


def _listing(kind: str, lines: Sequence[str]) -> str:
    text = dedent("\n".join(lines))
    return f'<pre class="{kind}">{escape(text)}</pre>'


def _facts(result: Result) -> Iterator[str]:
    if result.rule:
        yield f'<p class="rule">{_paragraph(result.rule)}</p>'
    if result.description:
        yield f"<p>{_paragraph(result.description)}</p>"
    yield (
        f'<p class="when"><code>{_text(result.file)}</code>{_points_of(result)} · '
        f"{result.seconds:.2f} seconds</p>"
    )
    if result.verdict is Verdict.SKIPPED and result.reason:
        yield f"<p>{_paragraph(result.reason)}</p>"


def _verdict(result: Result) -> str:
    sign = f'<span aria-hidden="true">{_SIGNS[result.verdict]}</span>'
    return f'<span class="verdict {result.verdict}">{sign} {result.verdict}</span>'


def _worth(result: Result) -> str:
    return "" if result.verdict is Verdict.SKIPPED else f"{result.score:g} of {result.points:g}"


def _points_of(result: Result) -> str:
    return f" · {_worth(result)} points" if _worth(result) else ""


def _points(run: Run) -> str:
    played = [result for result in run.results if result.verdict is not Verdict.SKIPPED]
    score, points = sum(result.score for result in played), sum(result.points for result in played)
    return f"{score:g} of {points:g} points." if played else ""


def _when(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def _text(text: str) -> str:
    return escape(one_line(text))


def _paragraph(text: str) -> str:
    return "<br>".join(escape(line) for line in in_lines(text))
