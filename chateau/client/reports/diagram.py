"""Sequence diagrams, drawn as SVG: a lifeline for each client and for the server, an arrow for each frame.

A long one is drawn in several parts, each with the names on top, none longer than a printed page. Colours and
fonts come from the page (page.css); without them, all is still there: nothing is told by a colour alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from chateau.client.reports.columns import CELL, EDGE, SMALL_CELL, TIMES_WIDTH, Columns
from chateau.client.reports.rows import LINE_HEIGHT, Broken, Frame, LeftOut, Row, rows_of
from chateau.client.reports.telling import clients_of, payload
from chateau.client.scenarios.model import Result
from chateau.client.text_safety import cells, one_line, shortened
from chateau.client.transcript import Direction, Entry, Opcode

TOP = 58.0  # where the rows begin, below the names
BOTTOM = 14.0
TITLE_WIDTH = 4_096  # of a payload told in full when the mouse rests on it
BAR = 4.0  # half the width of the bar on a lifeline while the client is connected

_DASHES = {
    Opcode.OPEN: "2 3",
    Opcode.CLOSE: "2 3",
    Opcode.PING: "7 4",
    Opcode.PONG: "7 4",
    Opcode.RAW: "12 3 2 3",
}


def diagrams(result: Result, address: str) -> list[str]:
    """The parts of the sequence diagram of *result*, whose server was at *address*; none without frames."""
    if not result.transcript:
        return []
    clients = clients_of(result)
    columns = Columns.of(clients, address)
    box_cells = int((columns.width - TIMES_WIDTH - EDGE - 24) / CELL)
    rows = rows_of(result, lane_cells=columns.lane_cells, box_cells=box_cells)
    parts = list(_parts(rows, columns.highest - TOP - BOTTOM))
    spans = {client: list(_open_spans(rows, client)) for client in columns.clients}
    return [
        _Part(columns, rows, range(*part), number, len(parts)).draw(result, clients, address, spans)
        for number, part in enumerate(parts, start=1)
    ]


def _parts(rows: Sequence[Row], highest: float) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends."""
    first, height = 0, 0.0
    for index, row in enumerate(rows):
        if index > first and height + row.height > highest:
            yield first, index
            first, height = index, 0.0
        height += row.height
    yield first, len(rows)


def _open_spans(rows: Sequence[Row], client: str) -> Iterator[tuple[int, int]]:
    """From which row to which *client* is connected; to a row that is not there if it stays so."""
    opened = closed = None
    for index, row in enumerate(rows):
        for entry in _entries(row):
            if entry.client != client:
                continue
            if entry.opcode is Opcode.OPEN:
                if opened is not None:
                    yield opened, index if closed is None else closed
                opened, closed = index, None
            elif entry.opcode is Opcode.CLOSE:
                closed = index
    if opened is not None:
        yield opened, len(rows) if closed is None else closed


def _entries(row: Row) -> tuple[Entry, ...]:
    match row:
        case Frame():
            return (row.entry,)
        case LeftOut():
            return row.entries
        case Broken():
            return ()


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one picture, and where they stand."""

    columns: Columns
    rows: Sequence[Row]
    shown: range
    number: int
    parts: int

    def draw(
        self,
        result: Result,
        clients: Sequence[tuple[str, str]],
        address: str,
        spans: dict[str, list[tuple[int, int]]],
    ) -> str:
        tops = self._tops()
        height = tops[-1] + BOTTOM
        svg = self._canvas(result, clients, height)
        for name, place in [*self.columns.clients.items(), ("", self.columns.server)]:
            _line(svg, "lifeline", place, 48, place, height - 4, "" if not name else "3 4")
        for client, places in spans.items():
            self._bars(svg, client, places, tops)
        for name, protocol in clients:
            _head(svg, self.columns.clients[name], self.columns.head_width, name, protocol, "client")
        _head(svg, self.columns.server, self.columns.server_head_width, "server", address, "server")
        if self.parts > 1:
            _text(svg, "time", EDGE, 26, f"{self.number} of {self.parts}")
        for index, top in zip(self.shown, tops, strict=False):
            self._row(svg, self.rows[index], top)
        return ElementTree.tostring(svg, "unicode")

    def _tops(self) -> list[float]:
        """Where each row begins, and where the last one ends."""
        return list(accumulate((self.rows[index].height for index in self.shown), initial=TOP))

    def _canvas(self, result: Result, clients: Sequence[tuple[str, str]], height: float) -> Element:
        width = self.columns.width
        svg = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_number(width)} {_number(height)}",
                "width": _number(width),
                "height": _number(height),
                "role": "img",
                "class": "diagram wide" if self.columns.is_wide else "diagram",
            },
        )
        part = f", part {self.number} of {self.parts}" if self.parts > 1 else ""
        SubElement(svg, "title").text = f"Sequence diagram: {one_line(result.name)}{part}"
        names = ", ".join(one_line(name) for name, _ in clients)
        failed = (
            f" {str(result.verdict).capitalize()} at {result.failure.location}." if result.failure else ""
        )
        told = f"{len(result.transcript)} frames between {names} and the server.{failed}"
        SubElement(svg, "desc").text = one_line(told)
        return svg

    def _bars(
        self, svg: Element, client: str, spans: Sequence[tuple[int, int]], tops: Sequence[float]
    ) -> None:
        """A bar on the lifeline of *client* while it is connected."""
        for first, last in spans:
            if last < self.shown.start or first >= self.shown.stop:
                continue
            start = self._y(first, tops) if first >= self.shown.start else 48.0
            end = self._y(last, tops) if last < self.shown.stop else tops[-1] + BOTTOM - 4
            place = self.columns.clients[client]
            _rectangle(svg, "connected", place - BAR, start, 2 * BAR, max(end - start, 1.0))

    def _y(self, index: int, tops: Sequence[float]) -> float:
        return tops[index - self.shown.start] + _arrow_below_top(self.rows[index])

    def _row(self, svg: Element, row: Row, top: float) -> None:
        match row:
            case Frame():
                self._frame(svg, row, top)
            case LeftOut():
                self._left_out(svg, row, top)
            case Broken():
                self._broken(svg, row, top)

    def _frame(self, svg: Element, row: Frame, top: float) -> None:
        entry, y = row.entry, top + _arrow_below_top(row)
        group = SubElement(svg, "g", {"class": f"frame {entry.direction} {entry.opcode}"})
        SubElement(group, "title").text = _in_full(row)
        _text(group, "time", TIMES_WIDTH - 10, y + 4, row.time, anchor="end")
        client, side = self.columns.clients[entry.client], self.columns.side(entry.client)
        ends = client + side * BAR, self.columns.server
        start, end = ends if entry.direction is Direction.SENT else ends[::-1]
        _arrow(group, start, end, y, _DASHES.get(entry.opcode, ""))
        if entry.opcode in {Opcode.OPEN, Opcode.CLOSE}:
            self._note(group, row, top)
        _lines(group, "label", self.columns.lane(entry.client), top + 13, row.lines)

    def _note(self, group: Element, row: Frame, top: float) -> None:
        """What is no frame of a conversation has a box around it."""
        width = max(map(cells, row.lines)) * CELL + 14
        height = LINE_HEIGHT * len(row.lines) + 2
        _rectangle(group, "note", self.columns.lane(row.entry.client) - width / 2, top + 1, width, height, 3)

    def _left_out(self, svg: Element, row: LeftOut, top: float) -> None:
        left = TIMES_WIDTH - 4
        _rectangle(svg, "left-out", left, top + 4, self.columns.width - left - 1, row.height - 8)
        words = f"… {len(row.entries):,} frames are not shown …"
        _text(svg, "label", (left + self.columns.width) / 2, top + row.height / 2 + 4, words, anchor="middle")

    def _broken(self, svg: Element, row: Broken, top: float) -> None:
        group = SubElement(svg, "g", {"class": "broken"})
        SubElement(group, "title").text = one_line(f"{row.failure.location}: {row.failure.sentence}")
        y = top + _arrow_below_top(row)
        mark = self._red_line(group, row, top, y)
        _mark(group, mark, y)
        left, right = TIMES_WIDTH, self.columns.width - EDGE
        height = LINE_HEIGHT * len(row.lines) + 12
        _rectangle(group, "box", left, y + 18, right - left, height, 3)
        _lines(group, "told", left + 12, y + 37, row.lines, anchor="start")

    def _red_line(self, group: Element, row: Broken, top: float, y: float) -> float:
        """A dashed line, and where its mark is: what a client expected, or all across where none is named."""
        client = row.failure.client
        if client is None or client not in self.columns.clients:
            _line(group, "expected", TIMES_WIDTH, y, self.columns.width - EDGE, y, "7 4")
            return TIMES_WIDTH + 9
        place, side = self.columns.clients[client], self.columns.side(client)
        ends = self.columns.server, place + side * 11
        start, end = ends if row.failure.step.startswith("expect") else ends[::-1]
        _arrow(group, start, end, y, "7 4", "expected")
        label = shortened(row.failure.step, self.columns.lane_cells)
        _lines(group, "label", self.columns.lane(client), top + 13, (label,))
        return place


def _arrow_below_top(row: Row) -> float:
    match row:
        case Frame():
            return LINE_HEIGHT * len(row.lines) + 7
        case LeftOut():
            return row.height / 2
        case Broken():
            return LINE_HEIGHT + 7


def _in_full(row: Frame) -> str:
    entry = row.entry
    ends = (entry.client, "server") if entry.direction is Direction.SENT else ("server", entry.client)
    head = one_line(f"{ends[0]} → {ends[1]}, {entry.opcode}, {row.time}")
    return f"{head}\n{payload(entry, TITLE_WIDTH)}"


def _head(svg: Element, place: float, width: float, name: str, told: str, kind: str) -> None:
    group = SubElement(svg, "g", {"class": f"head {kind}"})
    SubElement(group, "title").text = one_line(f"{name} {told}".strip())
    _rectangle(group, "head", place - width / 2, 4, width, 44, 4)
    most = int((width - 8) / CELL)
    _lines(group, "name", place, 22, (shortened(name, most),))
    _lines(group, "told", place, 39, (shortened(told, most),))


def _mark(group: Element, x: float, y: float) -> None:
    SubElement(group, "circle", {"class": "mark", "cx": _number(x), "cy": _number(y), "r": "9"})
    for sign in (1, -1):
        _line(group, "mark", x - 4, y - 4 * sign, x + 4, y + 4 * sign)


def _arrow(group: Element, start: float, end: float, y: float, dashes: str, kind: str = "arrow") -> None:
    back = -7 if end > start else 7
    _line(group, kind, start, y, end + back / 2, y, dashes)
    points = f"M{_number(end)} {_number(y)} l{back} -4 v8 z"
    SubElement(group, "path", {"class": f"tip {kind}", "d": points})


def _line(parent: Element, kind: str, x1: float, y1: float, x2: float, y2: float, dashes: str = "") -> None:
    places = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    line = SubElement(parent, "line", {"class": kind, **{name: _number(at) for name, at in places.items()}})
    if dashes:
        line.set("stroke-dasharray", dashes)


def _rectangle(
    parent: Element, kind: str, x: float, y: float, width: float, height: float, rx: float = 0
) -> None:
    sizes = {"x": x, "y": y, "width": width, "height": height, "rx": rx}
    SubElement(parent, "rect", {"class": kind, **{name: _number(size) for name, size in sizes.items()}})


def _lines(
    parent: Element, kind: str, x: float, y: float, lines: Sequence[str], anchor: str = "middle"
) -> None:
    for index, line in enumerate(lines):
        _text(parent, f"{kind} first" if index == 0 else kind, x, y + LINE_HEIGHT * index, line, anchor)


def _text(parent: Element, kind: str, x: float, y: float, told: str, anchor: str = "start") -> None:
    """*told* at a place, exactly as wide as it was measured, whatever font is found."""
    if not told:
        return
    width = cells(told) * (SMALL_CELL if kind == "time" else CELL)
    attributes = {
        "class": kind,
        "x": _number(x),
        "y": _number(y),
        "text-anchor": anchor,
        "textLength": _number(width),
        "lengthAdjust": "spacingAndGlyphs",
    }
    SubElement(parent, "text", attributes).text = told


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
