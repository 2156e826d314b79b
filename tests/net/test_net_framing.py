"""The framing of lines: where they start and end, and invalid lines."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chateau.net.frames import Binary, Violation
from chateau.net.framing import EVENT_STREAM, LINES, LineDecoder

LIMIT = 16

TOO_LONG = Violation(1009, "A line has at most 16 bytes.")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([b"LOGIN bob\n"], ["LOGIN bob"], id="a line that ends with LF"),
        pytest.param([b"LOGIN bob\r\n"], ["LOGIN bob"], id="a line that ends with CR LF"),
        pytest.param([b"a\nb\r\nc\n"], ["a", "b", "c"], id="several lines at once"),
        pytest.param([b"LOG", b"IN ", b"bob", b"\n"], ["LOGIN bob"], id="a line in pieces"),
        pytest.param([b"a\r", b"\nb\n"], ["a", "b"], id="a cut between CR and LF"),
        pytest.param([b"a\nb"], ["a"], id="a line that has not ended is not there yet"),
        pytest.param([b"a\rb\n"], ["a\rb"], id="a CR inside a line is part of it"),
        pytest.param([b"a\r\r\n"], ["a\r"], id="one CR belongs to the end"),
        pytest.param([b"\n\r\n"], ["", ""], id="empty lines"),
        pytest.param(["é\n".encode()[:1], "é\n".encode()[1:]], ["é"], id="a cut inside a character"),
        pytest.param(
            [b"\xff\nb\n"], [Binary(b"\xff"), "b"], id="a line that is not UTF-8, and one behind it"
        ),
        pytest.param([b"x" * LIMIT + b"\r\n"], ["x" * LIMIT], id="as long as a line may be"),
        pytest.param([b"x" * LIMIT, b"\r", b"\n"], ["x" * LIMIT], id="as long as it may be, in pieces"),
        pytest.param(
            [b"a\n" + b"x" * 17 + b"\nb\n"], ["a", TOO_LONG], id="too long: nothing behind it is read"
        ),
        pytest.param([b"x" * 18, b"\nb\n", b"c\n"], [TOO_LONG], id="too long before its end: reported once"),
    ],
)
def test_lines_are_split_at_line_ends(pieces: list[bytes], expected: list[object]) -> None:
    decoder = LineDecoder(LIMIT)

    assert [received for piece in pieces for received in decoder.feed(piece)] == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_lines_are_decoded_wherever_they_are_cut(data: bytes, cuts: list[int]) -> None:
    whole = LineDecoder(LIMIT)
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    decoder = LineDecoder(LIMIT)

    in_pieces = [received for start, end in pairwise(edges) for received in decoder.feed(data[start:end])]

    assert in_pieces[: len(whole_lines := list(whole.feed(data)))] == whole_lines
    assert len(in_pieces) == len(whole_lines)


@pytest.mark.parametrize(
    ("code", "has_reason"), [(1000, False), (1001, False), (None, False), (1008, True), (1009, True)]
)
def test_close_line_has_the_reason_unless_the_client_closed(code: int | None, has_reason: bool) -> None:
    last = LINES.close(code, 'a "reason"')

    assert (last != b"") is has_reason
    if has_reason:
        assert last.endswith(b"\r\n")
        assert json.loads(last) == {"type": "error", "error": 'a "reason"'}


def test_an_event_stream_discards_input_and_sends_payloads_unchanged() -> None:
    assert EVENT_STREAM.decoder(10).feed(b"GET / HTTP/1.1\r\n\r\n") == ()
    assert EVENT_STREAM.text(b"data: hi\n\n") == b"data: hi\n\n"
