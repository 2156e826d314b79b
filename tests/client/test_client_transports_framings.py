"""The framings, without any I/O: whatever bytes come, and however they are cut, nothing breaks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_server import accepting, frame

from chateau.client.transcript import Direction, Opcode
from chateau.client.transports import Target
from chateau.client.transports.framing import Framing, LineFraming, Step
from chateau.client.transports.http import EventStreamFraming
from chateau.client.transports.target import Refused
from chateau.client.transports.websocket import WebSocketFraming

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
SENTENCES = [
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 404 \r\n",
    b"Upgrade: websocket\r\n",
    b"Connection: Upgrade\r\n",
    b"Sec-WebSocket-Accept: x\r\n",
    b"Sec-WebSocket-Extensions: x;y=z, ;\r\n",
    b"Sec-WebSocket-Protocol: a, a\r\n",
    b"Content-Type: text/event-stream\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"data: x\n\n",
    b"\xff",
    b"\x81\x05hello",
    b"\x88\x02\x03\xe8",
]
BYTES = st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(SENTENCES)), max_size=10)
FRAMES = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.builds(
            frame,
            st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A]),
            st.binary(max_size=4),
        ),
    ),
    max_size=8,
)


def websocket() -> WebSocketFraming:
    return WebSocketFraming(Target("chateau", "ws://server:1/ws"))


def events() -> EventStreamFraming:
    return EventStreamFraming(Target("http", "http://server:1/channel/a/"))


def hear(framing: Framing, pieces: list[bytes]) -> list[Step]:
    """What *pieces* and the end come to, as a connection would take them."""
    steps: list[Step] = []
    for piece in pieces:
        if piece and not framing.is_over:
            steps += framing.receive(piece)
    if not framing.is_over:
        steps += framing.end()
    return steps


def error_of(framing: Framing, pieces: list[bytes]) -> str:
    try:
        hear(framing, pieces)
    except Refused as exc:
        return str(exc)
    return ""


@settings(max_examples=60)
@given(pieces=BYTES)
@pytest.mark.parametrize("begin", [websocket, events, LineFraming])
def test_handshake_of_any_bytes_succeeds_or_is_refused(begin: type[Framing], pieces: list[bytes]) -> None:
    framing = begin()
    framing.opening()

    error = error_of(framing, pieces)

    assert error or (framing.is_ready and framing.is_over)


@settings(max_examples=100)
@given(pieces=FRAMES)
def test_frames_of_any_bytes_end_in_a_close_or_a_protocol_error(pieces: list[bytes]) -> None:
    whole, cut = websocket(), websocket()
    data = b"".join(pieces)

    at_once = hear(whole, [accepting(whole.opening()) + data])
    by_byte = hear(cut, [accepting(cut.opening()), *(bytes([byte]) for byte in data)])

    assert [step[:3] for step in by_byte] == [step[:3] for step in at_once]
    assert cut.protocol_error == whole.protocol_error
    for step in at_once:
        assert bool(step.data) == (step.direction is Direction.SENT)
        assert step.opcode is not Opcode.TEXT or step.payload.decode() is not None
    closes = [
        step for step in at_once if step.opcode is Opcode.CLOSE and step.direction is Direction.RECEIVED
    ]
    assert len(closes) <= 1


@settings(max_examples=60)
@given(
    pieces=st.lists(
        st.sampled_from([b"\r", b"\n", b"data: x", b"id", b":", b"\xef\xbb\xbf", b"\xc3", b"\xa9"])
    )
)
def test_events_are_the_same_in_any_pieces(pieces: list[bytes]) -> None:
    whole, cut = events(), events()
    data = b"".join(pieces)

    at_once = hear(whole, [STREAM + data])
    by_byte = hear(cut, [STREAM, *(bytes([byte]) for byte in data)])

    assert by_byte == at_once
    assert (cut.protocol_error is None) == (whole.protocol_error is None)
