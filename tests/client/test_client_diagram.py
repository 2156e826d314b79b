"""Sequence diagrams: what is drawn, and where."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from reported_runs import ABORTED, FAILURE, OPENING, RECEIVED, RUNS, SENT, chatter, entry, goodbye, result

from chateau.client.reports.columns import CELL, Columns
from chateau.client.reports.diagram import diagrams
from chateau.client.reports.telling import clients_of
from chateau.client.scenarios.model import Result, Verdict
from chateau.client.text_safety import cells
from chateau.client.transcript import Direction, Opcode

SVG = "{http://www.w3.org/2000/svg}"
ADDRESS = "localhost:8888"
EVERY_RESULT = [
    pytest.param(each, id=f"{name} {number}")
    for name, run in RUNS.items()
    for number, each in enumerate(run.results)
    if each.transcript
]


def drawn(told: Result) -> list[Element]:
    return [ElementTree.fromstring(svg) for svg in diagrams(told, ADDRESS)]


def groups(picture: Element, kind: str) -> list[Element]:
    return [group for group in picture.iter(f"{SVG}g") if str(group.get("class")).split()[0] == kind]


def frames(told: Result) -> list[Element]:
    return [group for picture in drawn(told) for group in groups(picture, "frame")]


def at(element: Element | None, name: str) -> float:
    assert element is not None
    return float(element.attrib[name])


def label(group: Element) -> str:
    texts = group.findall(f"{SVG}text")
    return " ".join(str(text.text) for text in texts if "label" in str(text.get("class")))


def places(told: Result) -> Columns:
    return Columns.of(clients_of(told), ADDRESS)


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_every_frame_has_an_arrow_between_its_client_and_the_server(told: Result) -> None:
    columns, arrows = places(told), frames(told)

    shown = told.transcript
    if len(shown) > 200:
        shown = (*shown[:100], *shown[-100:])
    assert len(arrows) == len(shown)
    for group, passed in zip(arrows, shown, strict=True):
        line, tip = group.find(f"{SVG}line"), group.find(f"{SVG}path")
        assert tip is not None
        ends = [at(line, "x1"), float(tip.attrib["d"][1:].split()[0])]
        client, server = ends if passed.direction is Direction.SENT else ends[::-1]
        assert abs(client - columns.clients[passed.client]) <= 4.1
        assert abs(server - columns.server) <= 0.1
        assert at(line, "y1") == at(line, "y2") == float(tip.attrib["d"].split()[1])


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_the_arrows_go_down_in_the_order_of_the_transcript(told: Result) -> None:
    for picture in drawn(told):
        heights = [at(group.find(f"{SVG}line"), "y1") for group in groups(picture, "frame")]
        assert all(above < below for above, below in pairwise(heights))


def boxes(picture: Element) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every text."""
    for text in picture.iter(f"{SVG}text"):
        x, y, width = at(text, "x"), at(text, "y"), at(text, "textLength")
        left = x - {"start": 0, "middle": width / 2, "end": width}[text.attrib["text-anchor"]]
        yield left, y - 10, left + width, y + 3


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_every_text_is_inside_the_picture_and_over_no_other(told: Result) -> None:
    for picture in drawn(told):
        _, _, width, height = map(float, picture.attrib["viewBox"].split())
        texts = list(boxes(picture))
        for left, top, right, bottom in texts:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
        for index, (left, top, right, bottom) in enumerate(texts):
            for other in texts[index + 1 :]:
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                assert apart, (left, top, right, bottom, other)


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_a_label_is_in_the_lane_beside_the_server(told: Result) -> None:
    columns = places(told)
    for group in frames(told):
        for text in group.findall(f"{SVG}text"):
            if "label" in str(text.get("class")):
                reach = at(text, "textLength") / 2
                between = abs(at(text, "x") - columns.server)
                assert between - reach > 4
                assert between + reach < columns.lane_width - 4


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_a_text_is_as_wide_as_its_characters(told: Result) -> None:
    for picture in drawn(told):
        for text in picture.iter(f"{SVG}text"):
            small = 11 / 12 if text.get("class") == "time" else 1
            assert at(text, "textLength") == pytest.approx(cells(str(text.text)) * CELL * small, abs=0.06)


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_every_client_and_the_server_have_a_lifeline_under_their_name(told: Result) -> None:
    for picture in drawn(told):
        lines = [at(line, "x1") for line in picture.findall(f"{SVG}line")]
        heads = [
            at(head.find(f"{SVG}text"), "x") for head in groups(picture, "head") if head.find(f"{SVG}text")
        ]
        assert len(lines) == len(clients_of(told)) + 1 == len(set(lines))
        assert set(heads) <= set(lines)
        assert [str(head.findtext(f"{SVG}title")) for head in groups(picture, "head")][
            -1
        ] == f"server {ADDRESS}"


@pytest.mark.parametrize("clients", range(1, 13))
def test_no_head_stands_over_another(clients: int) -> None:
    told = chatter(clients, frames=3)
    (picture, *_) = drawn(told)

    heads = sorted(
        (at(head.find(f"{SVG}rect"), "x"), at(head.find(f"{SVG}rect"), "width"))
        for head in groups(picture, "head")
    )
    width = float(picture.attrib["viewBox"].split()[2])
    assert all(x + size < after for (x, size), (after, _) in pairwise(heads))
    assert heads[-1][0] + heads[-1][1] < width < 1560


@pytest.mark.parametrize("told", EVERY_RESULT)
def test_a_picture_says_what_it_is_and_fits_on_a_page(told: Result) -> None:
    pictures = drawn(told)
    for picture in pictures:
        assert picture.get("role") == "img"
        assert picture.findtext(f"{SVG}title")
        assert "frames between" in str(picture.findtext(f"{SVG}desc"))
        columns = places(told)
        assert float(picture.attrib["height"]) <= columns.highest
        assert ("wide" in str(picture.get("class")).split()) == columns.is_wide


def test_a_failure_marks_the_lifeline_of_its_client_where_it_happened() -> None:
    leaving = [entry(5, name, SENT, Opcode.CLOSE, ABORTED) for name in ("alice", "bob")]
    failed = result(Verdict.FAILED)
    told = replace(failed, transcript=(*failed.transcript, *leaving))
    (picture,) = drawn(told)

    (broken,) = groups(picture, "broken")
    mark, y = broken.find(f"{SVG}circle"), at(broken.find(f"{SVG}circle"), "cy")
    assert at(mark, "cx") == places(told).clients["alice"]
    heights = [at(group.find(f"{SVG}line"), "y1") for group in groups(picture, "frame")]
    assert [height < y for height in heights] == [True] * 10 + [False] * 2
    assert broken.findall(f"{SVG}line")[0].get("stroke-dasharray")
    said = [str(text.text) for text in broken.findall(f"{SVG}text")]
    assert said == [
        "expect (alice)",
        "✗ failed, line 14: expect (alice)",
        "no frame that matches came to alice within 5 s",
        "/status: expected 200, got 400",
        "/id: expected a value, and it is not there",
    ]


def test_a_server_that_closes_does_so_before_the_failure() -> None:
    closed = (*result().transcript, entry(0.1, "alice", RECEIVED, Opcode.CLOSE))
    (picture,) = drawn(result(Verdict.FAILED, transcript=closed))

    (broken,) = groups(picture, "broken")
    last = groups(picture, "frame")[-1]
    assert at(last.find(f"{SVG}line"), "y1") < at(broken.find(f"{SVG}circle"), "cy")


@pytest.mark.parametrize("client", [None, "nobody of these"])
def test_a_failure_of_no_client_is_marked_all_across(client: str | None) -> None:
    (picture,) = drawn(result(Verdict.FAILED, failure=replace(FAILURE, client=client)))

    line = groups(picture, "broken")[0].find(f"{SVG}line")
    assert at(line, "x2") - at(line, "x1") > 600


def test_a_passed_scenario_has_no_mark() -> None:
    (picture,) = drawn(result())

    assert groups(picture, "broken") == []


def test_many_differences_are_told_in_part() -> None:
    failure = replace(FAILURE, differences=tuple(f"/{number}: expected 1, got 2" for number in range(20)))
    (picture,) = drawn(result(Verdict.FAILED, failure=failure))

    assert str(groups(picture, "broken")[0].findall(f"{SVG}text")[-1].text) == "… and 14 more"


def test_the_middle_of_a_long_transcript_is_left_out_and_counted() -> None:
    pictures = drawn(chatter(clients=2, frames=300))

    words = [str(text.text) for picture in pictures for text in picture.findall(f"{SVG}text")]
    assert [word for word in words if "not shown" in word] == ["… 103 frames are not shown …"]
    assert words[0] == f"1 of {len(pictures)}"


def test_a_client_has_a_bar_while_it_is_connected() -> None:
    told = result(
        transcript=(
            entry(0, "alice", SENT, Opcode.OPEN, OPENING),
            *goodbye(0.1, "alice"),
            entry(0.2, "alice", SENT, Opcode.OPEN, OPENING),
            entry(0.3, "bob", SENT, Opcode.REQUEST, "GET / HTTP/1.1\r\n\r\n"),
        )
    )
    (picture,) = drawn(told)

    heights = [at(group.find(f"{SVG}line"), "y1") for group in frames(told)]
    bars = [bar for bar in picture.findall(f"{SVG}rect") if bar.get("class") == "connected"]
    assert [(at(bar, "y"), at(bar, "y") + at(bar, "height")) for bar in bars] == [
        (heights[0], heights[2]),
        (heights[3], float(picture.attrib["height"]) - 4),
    ]


def test_a_connection_that_was_closed_where_frames_are_left_out_has_no_bar_after_them() -> None:
    told = chatter(clients=2, frames=300)
    transcript = list(told.transcript)
    transcript[150:150] = goodbye(1.5, "client-2")
    last = drawn(replace(told, transcript=tuple(transcript)))[-1]

    assert len([bar for bar in last.findall(f"{SVG}rect") if bar.get("class") == "connected"]) == 1


@pytest.mark.parametrize(
    ("opcode", "content", "said"),
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
def test_a_label_says_what_a_frame_carries(opcode: Opcode, content: str | bytes, said: str) -> None:
    (group,) = frames(result(transcript=(entry(0, "alice", SENT, opcode, content),)))

    assert label(group) == said


def test_a_long_payload_has_two_lines_and_is_told_in_full_beside() -> None:
    text = "All work and no play. " * 40
    (group,) = frames(result(transcript=(entry(0, "alice", SENT, Opcode.TEXT, text),)))

    assert label(group).endswith("…")
    assert len(group.findall(f"{SVG}text")) == 3  # and the time
    assert text in str(group.findtext(f"{SVG}title"))


def test_a_name_that_is_too_long_is_cut_and_told_in_full_beside() -> None:
    name = "a client with a name of some length"
    told = result(clients=((name, "chateau"),), transcript=(entry(0, name, SENT, Opcode.TEXT, "x"),))
    (picture,) = drawn(told)

    head = groups(picture, "head")[0]
    assert str(head.findtext(f"{SVG}text")).endswith("…")
    assert head.findtext(f"{SVG}title") == f"{name} chateau"


def test_nothing_is_drawn_where_nothing_was_sent() -> None:
    assert diagrams(result(transcript=()), ADDRESS) == []
