"""Sequence diagrams: the rows, and the cells that arrows and bars are drawn in."""

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from reported_runs import ABORTED, FAILURE, OPENING, RECEIVED, RUNS, SENT, chatter, entry, goodbye, result

from chateau.client.reports.html import LABEL_WIDTH, STYLE, diagram
from chateau.client.reports.text_format import clients_of, elapsed
from chateau.client.scenarios.model import Result, Verdict
from chateau.client.terminal import cells, one_line
from chateau.client.transcript import Direction, Opcode

ADDRESS = "localhost:8888"
EVERY_RESULT = [
    pytest.param(each, id=f"{name} {number}")
    for name, run in RUNS.items()
    for number, each in enumerate(run.results)
    if each.transcript
]


@dataclass
class Cell:
    classes: list[str]
    attributes: dict[str, str]
    text: str = ""
    path: str = ""  # which a browser does not show
    lines: list[str] = field(default_factory=list)


@dataclass
class Row:
    classes: list[str]
    in_head: bool
    cells: list[Cell] = field(default_factory=list)

    @property
    def clients(self) -> list[Cell]:
        return [cell for cell in self.cells if "client" in cell.classes]

    @property
    def lane(self) -> Cell:
        (lane,) = [cell for cell in self.cells if "lane" in cell.classes]
        return lane

    @property
    def label(self) -> str:
        return self.lane.text.strip()


class Table(HTMLParser):
    """A diagram as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.caption = ""
        self.classes: list[str] = []
        self._inside: list[tuple[str, list[str]]] = []
        self.feed(page)
        self.close()
        assert self._inside == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        classes = attributes.get("class", "").split()
        if tag == "table":
            self.classes = classes
        elif tag == "tr":
            self.rows.append(Row(classes, in_head="thead" in [name for name, _ in self._inside]))
        elif tag in {"td", "th"}:
            self.rows[-1].cells.append(Cell(classes, attributes))
        elif tag == "div":
            self.rows[-1].cells[-1].lines.append("")
        self._inside.append((tag, classes))

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tags = [name for name, _ in self._inside]
        if "caption" in tags:
            self.caption += data
        elif self._inside and "path" in self._inside[-1][1]:
            self.rows[-1].cells[-1].path += data
        elif "div" in tags:
            self.rows[-1].cells[-1].lines[-1] += data
        elif "th" in tags or "td" in tags:
            self.rows[-1].cells[-1].text += data

    def of(self, kind: str) -> list[Row]:
        return [row for row in self.rows if kind in row.classes]

    @property
    def body(self) -> list[Row]:
        return [row for row in self.rows if not row.in_head]


def drawn(played: Result) -> Table:
    return Table(diagram(played, ADDRESS))


def arrow(row: Row) -> tuple[int, bool]:
    """Return the column of the client that the arrow of *row* begins or ends at, and whether it is sent."""
    lines = ["line" in cell.classes for cell in row.clients]
    (end,) = [column for column, cell in enumerate(row.clients) if "end" in cell.classes]
    assert lines == [column >= end for column in range(len(lines))]
    assert "line" in row.lane.classes
    (direction,) = {"sent", "received"} & set(row.classes)
    return end, direction == "sent"


@pytest.mark.parametrize("played", EVERY_RESULT)
def test_every_frame_has_an_arrow_between_its_client_and_the_server_in_order(played: Result) -> None:
    columns = [name for name, _ in clients_of(played)]
    shown = played.transcript
    if len(shown) > 200:
        shown = (*shown[:100], *shown[-100:])

    rows = drawn(played).of("frame")

    assert len(rows) == len(shown)
    for row, passed in zip(rows, shown, strict=True):
        is_sent = passed.direction is Direction.SENT
        assert arrow(row) == (columns.index(passed.client), is_sent)
        assert passed.opcode in row.classes
        ends = (passed.client, "server") if is_sent else ("server", passed.client)
        assert row.lane.path == one_line(" → ".join(ends))
        assert row.cells[0].text == elapsed(played, passed)


@pytest.mark.parametrize("played", EVERY_RESULT)
def test_every_row_fills_all_columns_so_that_no_text_covers_another(played: Result) -> None:
    columns = len(clients_of(played)) + 3
    for row in drawn(played).rows:
        assert sum(int(cell.attributes.get("colspan", 1)) for cell in row.cells) == columns


def test_a_text_wraps_within_its_column_and_a_wide_diagram_scrolls() -> None:
    assert ".diagram .lane { overflow-wrap: anywhere; }" in STYLE
    assert "text-align: left; overflow-wrap: anywhere; }" in STYLE
    assert "figure { overflow-x: auto; }" in STYLE
    assert "text-overflow: ellipsis" in STYLE


@pytest.mark.parametrize("played", EVERY_RESULT)
def test_a_label_is_in_the_lane_next_to_the_server(played: Result) -> None:
    for row in drawn(played).of("frame"):
        assert row.cells[-2] is row.lane
        assert row.cells[-1].classes == ["server"]
        assert cells(row.label) <= LABEL_WIDTH
        assert row.label
        assert [cell.text for cell in row.clients if cell.text] == []


@pytest.mark.parametrize("played", EVERY_RESULT)
def test_every_client_and_the_server_have_a_column_under_their_name(played: Result) -> None:
    table = drawn(played)
    (head,) = [row for row in table.rows if row.in_head]

    titles = [cell.attributes["title"] for cell in head.cells if "title" in cell.attributes]
    named = [one_line(f"{name} {protocol}".strip()) for name, protocol in clients_of(played)]
    assert titles == [*named, f"server {ADDRESS}"]
    for row in table.of("frame"):
        assert [cell.classes[0] for cell in row.cells] == [cell.classes[0] for cell in head.cells]


@pytest.mark.parametrize("clients", range(1, 13))
def test_each_client_has_a_head_of_its_own(clients: int) -> None:
    (head,) = [row for row in drawn(chatter(clients, frames=3)).rows if row.in_head]

    assert [cell.text.split()[0] for cell in head.clients] == [f"client-{n}" for n in range(1, clients + 1)]


@pytest.mark.parametrize("played", EVERY_RESULT)
def test_a_diagram_has_a_caption_and_repeats_its_head_on_each_printed_page(played: Result) -> None:
    table = drawn(played)

    assert table.caption.startswith("Sequence diagram: ")
    assert "frames between" in table.caption
    assert ("wide" in table.classes) == (len(clients_of(played)) > 4)
    assert [row.in_head for row in table.rows] == [True] + [False] * len(table.body)


def test_printing_does_not_break_a_row_and_turns_the_page_for_many_clients() -> None:
    assert "h2, p, pre, tr { break-inside: avoid; }" in STYLE
    assert "@page wide { size: A4 landscape; }" in STYLE
    assert "figure:has(.wide) { page: wide; }" in STYLE


def test_a_failure_marks_the_column_of_its_client_where_it_happened() -> None:
    leaving = [entry(5, name, SENT, Opcode.CLOSE, ABORTED) for name in ("alice", "bob")]
    failed = result(Verdict.FAILED)
    table = drawn(replace(failed, transcript=(*failed.transcript, *leaving)))

    mark, reason = table.of("broken")
    assert arrow(mark) == (0, False)  # alice, who should have received it
    assert mark.cells[0].text == "✗"
    assert [row.classes[0] for row in table.body] == ["frame"] * 10 + ["broken"] * 2 + ["frame"] * 2
    assert "dashed var(--red)" in STYLE
    assert mark.label == "expect (alice)"
    assert reason.cells[0].lines == [
        "✗ failed, line 14: expect (alice)",
        "no frame that matches came to alice within 5 s",
        "/status: expected 200, got 400",
        "/id: expected a value, and it is not there",
    ]


def test_a_server_that_closes_does_so_before_the_failure() -> None:
    closed = (*result().transcript, entry(0.1, "alice", RECEIVED, Opcode.CLOSE))
    body = drawn(result(Verdict.FAILED, transcript=closed)).body

    assert [row.classes[0] for row in body[-3:]] == ["frame", "broken", "broken"]
    assert "close" in body[-3].classes


@pytest.mark.parametrize("client", [None, "nobody of these"])
def test_a_failure_of_no_client_is_marked_across_all_columns(client: str | None) -> None:
    mark, _ = drawn(result(Verdict.FAILED, failure=replace(FAILURE, client=client))).of("broken")

    assert all("line" in cell.classes for cell in (*mark.clients, mark.lane))


def test_a_passed_scenario_has_no_mark() -> None:
    assert drawn(result()).of("broken") == []


def test_of_many_differences_some_are_shown() -> None:
    failure = replace(FAILURE, differences=tuple(f"/{number}: expected 1, got 2" for number in range(20)))
    _, reason = drawn(result(Verdict.FAILED, failure=failure)).of("reason") * 2

    assert reason.cells[0].lines[-1] == "… and 14 more"


def test_the_middle_of_a_long_transcript_is_left_out_and_counted() -> None:
    table = drawn(chatter(clients=2, frames=300))

    (left_out,) = table.of("left-out")
    assert left_out.cells[0].lines == ["… 103 frames are not shown …"]
    assert table.body.index(left_out) == 100


def connected(table: Table, column: int) -> list[int]:
    return [
        index
        for index, row in enumerate(table.body)
        if row.clients and "connected" in row.clients[column].classes
    ]


def test_a_client_has_a_bar_while_it_is_connected() -> None:
    table = drawn(
        result(
            transcript=(
                entry(0, "alice", SENT, Opcode.TEXT, "early"),
                entry(0, "alice", SENT, Opcode.OPEN, OPENING),
                *goodbye(0.1, "alice"),
                entry(0.15, "bob", SENT, Opcode.REQUEST, "GET / HTTP/1.1\r\n\r\n"),
                entry(0.2, "alice", SENT, Opcode.OPEN, OPENING),
                entry(0.3, "bob", SENT, Opcode.REQUEST, "GET / HTTP/1.1\r\n\r\n"),
            )
        )
    )

    assert connected(table, 0) == [1, 2, 3, 5, 6]
    assert connected(table, 1) == []


def test_a_connection_that_was_closed_where_frames_are_left_out_has_no_bar_after_them() -> None:
    told = chatter(clients=2, frames=300)
    transcript = list(told.transcript)
    transcript[150:150] = goodbye(1.5, "client-2")
    table = drawn(replace(told, transcript=tuple(transcript)))

    last = len(table.body) - 1
    assert max(connected(table, 0)) >= last - 1
    assert max(connected(table, 1)) < 100


@pytest.mark.parametrize(
    ("opcode", "content", "label"),
    [
        (Opcode.OPEN, OPENING, "opens ws://localhost:8888/ws"),
        (Opcode.CLOSE, b"\x03\xe8bye", "closes 1000 bye"),
        (Opcode.CLOSE, b"", "closes"),
        (Opcode.CLOSE, ABORTED, "abort"),
        (Opcode.PING, "hey", "ping hey"),
        (Opcode.PONG, "", "pong"),
        (Opcode.BINARY, b"\x81\x05", "binary 81 05"),
        (Opcode.RAW, b"\x81\x05", "raw 81 05"),
        (Opcode.TEXT, "", "(empty)"),
        (Opcode.LINE, "JOIN\x00lobby", r"JOIN\u0000lobby"),
        (Opcode.REQUEST, "POST /x HTTP/1.1\r\nHost: h\r\n\r\n{}", "POST /x HTTP/1.1 {}"),
        (Opcode.RESPONSE, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content"),
        (Opcode.EVENT, "id: 7\ndata: hi", r"id: 7\ndata: hi"),
    ],
)
def test_a_label_has_the_content_of_its_frame(opcode: Opcode, content: str | bytes, label: str) -> None:
    (row,) = drawn(result(transcript=(entry(0, "alice", SENT, opcode, content),))).of("frame")

    assert row.label == label


def test_a_long_payload_is_cut_and_shown_in_full_under_the_mouse() -> None:
    text = "All work and no play. " * 40
    (row,) = drawn(result(transcript=(entry(0, "alice", SENT, Opcode.TEXT, text),))).of("frame")

    assert row.label.endswith("…")
    assert cells(row.label) <= LABEL_WIDTH
    assert text.strip() in row.lane.attributes["title"]
    assert row.lane.attributes["title"].startswith("alice → server, text, +")


def test_a_long_name_is_there_in_full() -> None:
    name = "a client with a name of some length"
    table = drawn(result(clients=((name, "chateau"),), transcript=(entry(0, name, SENT, Opcode.TEXT, "x"),)))

    (head,) = [row for row in table.rows if row.in_head]
    assert head.clients[0].text == f"{name} chateau"
    assert head.clients[0].attributes["title"] == f"{name} chateau"


def test_nothing_is_drawn_where_nothing_was_sent() -> None:
    assert diagram(result(transcript=()), ADDRESS) == ""
