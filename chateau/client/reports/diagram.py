"""Sequence diagrams as HTML tables: a column per client and one for the server, a row per frame.

The left edge of a column is the lifeline of its client. page.css draws lifelines, arrows and bars by the
classes of cells; no information is carried by a colour alone. A browser repeats the head of a table on each
printed page.
"""

from collections.abc import Iterator, Sequence
from html import escape

from chateau.client.reports.text_format import (
    around_the_failure,
    clients_of,
    elapsed,
    is_cut,
    payload,
    words,
)
from chateau.client.scenarios.model import Failure, Result
from chateau.client.text_safety import one_line, shortened
from chateau.client.transcript import Direction, Entry, Opcode

MAX_FRAMES = 200
MAX_DIFFERENCES = 6
LABEL_WIDTH = 160
LABEL_CHARACTERS = 2_000  # enough to fill a label
TITLE_WIDTH = 4_096  # of a payload that is shown in full under the mouse
UPRIGHT_CLIENTS = 4  # more of them need a page in landscape

_WORDS = {
    Opcode.OPEN: "opens",
    Opcode.CLOSE: "closes",
    Opcode.PING: "ping",
    Opcode.PONG: "pong",
    Opcode.BINARY: "binary",
    Opcode.RAW: "raw",
}

Row = Entry | Failure | tuple[Entry, ...]  # a frame, the failure, or frames that are left out


def diagram(result: Result, address: str) -> str:
    """Return the sequence diagram of *result*, whose server was at *address*; "" without frames."""
    return "\n".join(_Diagram(result, address).lines()) if result.transcript else ""


class _Diagram:
    def __init__(self, result: Result, address: str) -> None:
        self._result = result
        self._address = address
        self._clients = clients_of(result)
        self._columns = {name: column for column, (name, _) in enumerate(self._clients)}
        before, after = around_the_failure(result)
        failure = [result.failure] if result.failure else []
        self._rows: list[Row] = [*_shown(before), *failure, *_shown(after)]
        self._connected = {name: set(_rows_connected(self._rows, name)) for name in self._columns}

    def lines(self) -> Iterator[str]:
        wide = " wide" if len(self._clients) > UPRIGHT_CLIENTS else ""
        yield f'<table class="diagram{wide}">'
        yield f"<caption>{_text(self._caption())}</caption>"
        yield from self._head()
        yield "<tbody>"
        for index, row in enumerate(self._rows):
            match row:
                case Entry():
                    yield self._frame(index, row)
                case Failure():
                    yield from self._failure(index, row)
                case _:
                    yield self._across("left-out", f"… {len(row):,} frames are not shown …")
        yield "</tbody>"
        yield "</table>"

    def _caption(self) -> str:
        result = self._result
        names = ", ".join(name for name, _ in self._clients)
        failed = (
            f" {str(result.verdict).capitalize()} at {result.failure.location}." if result.failure else ""
        )
        frames = f"{len(result.transcript)} frames between {names} and the server."
        return f"Sequence diagram: {result.name}. {frames}{failed}"

    def _head(self) -> Iterator[str]:
        yield '<thead><tr><th scope="col" class="time">time</th>'
        for name, protocol in self._clients:
            yield _column_head("client", name, protocol)
        yield f'<th scope="col" class="lane"></th>{_column_head("server", "server", self._address)}'
        yield "</tr></thead>"

    def _frame(self, index: int, entry: Entry) -> str:
        time = elapsed(self._result, entry)
        ends = (entry.client, "server") if entry.direction is Direction.SENT else ("server", entry.client)
        path = one_line(" → ".join(ends))
        title = f"{path}, {entry.opcode}, {time}\n{payload(entry, TITLE_WIDTH)}"
        label = f'<span class="path">{escape(path)}</span> {_text(shortened(_label(entry), LABEL_WIDTH))}'
        kind = f"frame {entry.direction} {entry.opcode}"
        return self._row(kind, index, self._columns[entry.client], time, label, title)

    def _failure(self, index: int, failure: Failure) -> Iterator[str]:
        """Yield a row that marks what a client expected, or the whole width, and a row with the reason."""
        column = self._columns.get(failure.client, 0) if failure.client is not None else 0
        is_expected = failure.step.startswith("expect")
        kind = f"broken {Direction.RECEIVED if is_expected else Direction.SENT}"
        title = one_line(f"{failure.location}: {failure.sentence}")
        yield self._row(kind, index, column, "✗", _text(failure.step), title)
        shown = failure.differences[:MAX_DIFFERENCES]
        more = len(failure.differences) - len(shown)
        heading = f"✗ {self._result.verdict}, line {failure.location.line}: {failure.step}"
        lines = [heading, failure.sentence, *shown, *([f"… and {more} more"] if more else [])]
        yield self._across("broken reason", *lines)

    def _row(self, kind: str, index: int, column: int, time: str, label: str, title: str) -> str:
        """Return a row with an arrow between the client in *column* and the server."""
        cells = "".join(
            f'<td class="{self._cell(index, name, at, column)}"></td>' for name, at in self._columns.items()
        )
        return (
            f'<tr class="{kind}"><th scope="row" class="time">{time}</th>{cells}'
            f'<td class="lane line" title="{escape(title)}">{label}</td><td class="server"></td></tr>'
        )

    def _cell(self, index: int, name: str, at: int, column: int) -> str:
        connected = " connected" if index in self._connected[name] else ""
        line = " line end" if at == column else " line" if at > column else ""
        return f"client{connected}{line}"

    def _across(self, kind: str, *lines: str) -> str:
        text = "".join(f"<div>{_text(line)}</div>" for line in lines)
        return f'<tr class="{kind}"><td colspan="{len(self._clients) + 3}">{text}</td></tr>'


def _shown(entries: Sequence[Entry]) -> list[Row]:
    if len(entries) <= MAX_FRAMES:
        return list(entries)
    half = MAX_FRAMES // 2
    return [*entries[:half], tuple(entries[half:-half]), *entries[-half:]]


def _rows_connected(rows: Sequence[Row], client: str) -> Iterator[int]:
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


def _column_head(kind: str, name: str, detail: str) -> str:
    title = escape(one_line(f"{name} {detail}".strip()))
    return f'<th scope="col" class="{kind}" title="{title}"><b>{_text(name)}</b> {_text(detail)}</th>'


def _text(text: str) -> str:
    return escape(one_line(text))
