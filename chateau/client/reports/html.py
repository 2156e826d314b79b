"""HTML report: the verdict of each scenario, why it did not pass, and its sequence diagram.

The page is one file, loads nothing, runs no script, and can be printed. page.html is its template.

A diagram is a table, of the template diagram.html: a column per client and one for the server, a row per
frame. The left edge of a column is the lifeline of its client. page.css draws lifelines, arrows and bars by
the classes of cells; no information is carried by a colour alone. A browser repeats the head of a table on
each printed page.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from textwrap import dedent

from tornado.template import Template

from chateau.client.reports.text_format import (
    PAYLOAD_WIDTH,
    around_the_failure,
    clients_of,
    elapsed,
    is_cut,
    notes,
    payload,
    whole_transcript,
    why,
    words,
)
from chateau.client.scenarios.model import NOT_PASSED, Failure, Result, Run, Verdict, summary
from chateau.client.terminal import in_lines, one_line, shortened
from chateau.client.transcript import Direction, Entry, Opcode

MAX_FRAMES = 200
MAX_DIFFERENCES = 6
LABEL_WIDTH = 160
LABEL_CHARACTERS = 2_000  # enough to fill a label
TITLE_WIDTH = 4_096  # of a payload that is shown in full under the mouse
UPRIGHT_CLIENTS = 4  # more of them need a page in landscape


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


STYLE = _file("page.css")
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
_PAGE, _TABLE = (Template(_file(name), name) for name in ("page.html", "diagram.html"))

_SIGNS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.ERROR: "!", Verdict.SKIPPED: "○"}
_WORDS = {
    Opcode.OPEN: "opens",
    Opcode.CLOSE: "closes",
    Opcode.PING: "ping",
    Opcode.PONG: "pong",
    Opcode.BINARY: "binary",
    Opcode.RAW: "raw",
}


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


# Sequence diagrams

Shown = Entry | Failure | tuple[Entry, ...]  # a frame, the failure, or frames that are left out


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with an arrow between a client and the server, or with *lines* across all columns.

    ``cells`` has the further classes of the cell of each client.
    """

    kind: str
    time: str = ""
    cells: Sequence[str] = ()
    path: str = ""
    label: str = ""
    title: str = ""
    lines: Sequence[str] = ()


def diagram(result: Result, address: str) -> str:
    """Return the sequence diagram of *result*, whose server was at *address*; "" without frames."""
    if not result.transcript:
        return ""
    clients = clients_of(result)
    table = _TABLE.generate(
        address=address,
        caption=_caption(result),
        clients=clients,
        is_wide=len(clients) > UPRIGHT_CLIENTS,
        one_line=one_line,
        rows=list(_rows(result, [name for name, _ in clients])),
    )
    return table.decode().rstrip("\n")


def _caption(result: Result) -> str:
    names = ", ".join(name for name, _ in clients_of(result))
    failed = f" {str(result.verdict).capitalize()} at {result.failure.location}." if result.failure else ""
    frames = f"{len(result.transcript)} frames between {names} and the server."
    return f"Sequence diagram: {result.name}. {frames}{failed}"


def _rows(result: Result, clients: Sequence[str]) -> Iterator[_Row]:
    before, after = around_the_failure(result)
    failure = [result.failure] if result.failure else []
    rows: list[Shown] = [*_shown(before), *failure, *_shown(after)]
    connected = [set(_rows_connected(rows, name)) for name in clients]

    def cells(index: int, client: str | None) -> list[str]:
        """Return the classes of the cells in row *index*, whose arrow begins or ends at *client*."""
        arrow = clients.index(client) if client in clients else 0
        bars = (" connected" if index in among else "" for among in connected)
        lines = (" line end" if at == arrow else " line" if at > arrow else "" for at in range(len(clients)))
        return [bar + line for bar, line in zip(bars, lines, strict=True)]

    for index, row in enumerate(rows):
        match row:
            case Entry():
                yield _frame(result, row, cells(index, row.client))
            case Failure():
                is_expected = row.step.startswith("expect")
                kind = f"broken {Direction.RECEIVED if is_expected else Direction.SENT}"
                title = one_line(f"{row.location}: {row.sentence}")
                yield _Row(kind, "✗", cells(index, row.client), label=one_line(row.step), title=title)
                yield _Row("broken reason", lines=_reason(result, row))
            case _:
                yield _Row("left-out", lines=[f"… {len(row):,} frames are not shown …"])


def _frame(result: Result, entry: Entry, cells: Sequence[str]) -> _Row:
    time = elapsed(result, entry)
    ends = (entry.client, "server") if entry.direction is Direction.SENT else ("server", entry.client)
    path = one_line(" → ".join(ends))
    title = f"{path}, {entry.opcode}, {time}\n{payload(entry, TITLE_WIDTH)}"
    label = one_line(shortened(_label(entry), LABEL_WIDTH))
    return _Row(f"frame {entry.direction} {entry.opcode}", time, cells, path, label, title)


def _reason(result: Result, failure: Failure) -> list[str]:
    heading = f"✗ {result.verdict}, line {failure.location.line}: {failure.step}"
    more = len(failure.differences) - MAX_DIFFERENCES
    shown = [*failure.differences[:MAX_DIFFERENCES], *([f"… and {more} more"] if more > 0 else [])]
    return [heading, failure.sentence, *shown]


def _shown(entries: Sequence[Entry]) -> list[Shown]:
    if len(entries) <= MAX_FRAMES:
        return list(entries)
    half = MAX_FRAMES // 2
    return [*entries[:half], tuple(entries[half:-half]), *entries[-half:]]


def _rows_connected(rows: Sequence[Shown], client: str) -> Iterator[int]:
    """Yield the rows in which *client* is connected: each from an open frame to the last close frame."""
    opened = closed = None
    for index, row in enumerate(rows):
        for entry in (row,) if isinstance(row, Entry) else row if isinstance(row, tuple) else ():
            if entry.client != client:
                continue
            if entry.opcode is Opcode.OPEN:
                if opened is not None:
                    yield from range(opened, (index - 1 if closed is None else closed) + 1)
                opened, closed = index, None
            elif entry.opcode is Opcode.CLOSE:
                closed = index
    if opened is not None:
        yield from range(opened, len(rows) if closed is None else closed + 1)


def _label(entry: Entry) -> str:
    carried = words(entry, LABEL_CHARACTERS)
    if entry.opcode in {Opcode.REQUEST, Opcode.RESPONSE}:  # the first line, and the body
        head, _, body = carried.replace("\r\n", "\n").partition("\n\n")
        return f"{head.splitlines()[0] if head else ''} {body}".strip()
    word = "" if is_cut(entry) else _WORDS.get(entry.opcode, "")
    return " ".join(filter(None, (word, carried))) or "(empty)"
