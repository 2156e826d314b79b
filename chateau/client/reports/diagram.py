"""Sequence diagrams as HTML tables: a column per client and one for the server, a row per frame.

The left edge of a column is the lifeline of its client. page.css draws lifelines, arrows and bars by the
classes of cells; no information is carried by a colour alone. A browser repeats the head of a table on each
printed page. diagram.html is the template of a table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from tornado.template import Template

from chateau.client.reports.text_format import around_the_failure, clients_of, elapsed, is_cut, payload, words
from chateau.client.scenarios.model import Failure, Result
from chateau.client.text_safety import one_line, shortened
from chateau.client.transcript import Direction, Entry, Opcode

MAX_FRAMES = 200
MAX_DIFFERENCES = 6
LABEL_WIDTH = 160
LABEL_CHARACTERS = 2_000  # enough to fill a label
TITLE_WIDTH = 4_096  # of a payload that is shown in full under the mouse
UPRIGHT_CLIENTS = 4  # more of them need a page in landscape

_TABLE = Template(files(__package__).joinpath("diagram.html").read_text(encoding="utf-8"), "diagram.html")
_WORDS = {
    Opcode.OPEN: "opens",
    Opcode.CLOSE: "closes",
    Opcode.PING: "ping",
    Opcode.PONG: "pong",
    Opcode.BINARY: "binary",
    Opcode.RAW: "raw",
}

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
