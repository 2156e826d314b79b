"""How the proxy finds frames in bytes and detects the protocol, without a socket."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from chateau.client.proxy.codec import (
    Codec,
    Frame,
    Kind,
    LineCodec,
    WebSocketCodec,
    WireProtocol,
    close_frame,
    codec_for,
    detect_protocol,
    is_switching,
    parse_handshake,
)
from chateau.client.transcript import Direction

FRAMES = [
    (Opcode.TEXT, "grüß".encode(), False),
    (Opcode.PING, b"", True),
    (Opcode.CONT, b"\xff" * 200, True),
    (Opcode.BINARY, b"x" * 70_000, True),
    (Opcode.CLOSE, b"\x03\xe8bye", True),
]


def on_the_wire(*, masked: bool) -> bytes:
    return b"".join(
        WireFrame(opcode, payload, fin=is_final).serialize(mask=masked)
        for opcode, payload, is_final in FRAMES
    )


def found(of: Codec, pieces: list[bytes]) -> list[Frame]:
    return [frame for piece in pieces for frame in of.feed(piece)] + of.end()


def split(content: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in pairwise(edges)]


@settings(max_examples=40)
@given(st.booleans(), st.lists(st.integers(0, 80_000), max_size=20))
def test_websocket_codec_finds_frames_in_any_pieces(masked: bool, places: list[int]) -> None:
    content = on_the_wire(masked=masked)

    frames = found(WebSocketCodec(masked=masked), split(content, places))

    assert [frame.payload for frame in frames] == [payload for _, payload, _ in FRAMES]
    assert [frame.is_final for frame in frames] == [is_final for *_, is_final in FRAMES]
    assert [frame.kind for frame in frames] == ["text", "ping", "continuation", "binary", "close"]
    assert b"".join(frame.raw for frame in frames) == content


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\xc3\xbc", b"\x00"]), max_size=60), st.data())
def test_line_codec_finds_lines_in_any_pieces(content: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(content)

    frames = found(LineCodec(100), split(whole, data.draw(st.lists(st.integers(0, 200), max_size=10))))

    lines = [frame.payload for frame in frames if frame.kind is Kind.LINE]
    assert lines == [line.removesuffix(b"\r") for line in whole.split(b"\n")[:-1]]
    assert b"".join(frame.raw for frame in frames) == whole


@given(st.lists(st.binary(max_size=40)), st.booleans())
def test_no_codec_loses_a_byte(pieces: list[bytes], masked: bool) -> None:
    for of in (WebSocketCodec(masked=masked), LineCodec(100), Codec()):
        assert b"".join(frame.raw for frame in found(of, pieces)) == b"".join(pieces)


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        (b"\x83\x80\0\0\0\0", "invalid opcode"),
        (b"\x81\x02hi", "incorrect masking"),
        (b"\xc1\x80\0\0\0\0", "reserved bits must be 0"),
        (b"\x09\x80\0\0\0\0", "fragmented control frame"),
        (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", "a frame of more than 16777216 bytes"),
    ],
)
def test_invalid_frame_and_everything_after_it_pass_as_bytes(wrong: bytes, flaw: str) -> None:
    of = WebSocketCodec(masked=True)
    right = WireFrame(Opcode.TEXT, b"hi").serialize(mask=True)

    frames = [*of.feed(right + wrong), *of.feed(right)]

    assert [frame.kind for frame in frames] == [Kind.TEXT, Kind.BYTES, Kind.BYTES]
    assert [frame.raw for frame in frames] == [right, wrong, right]
    assert of.protocol_error == flaw


def test_incomplete_frame_passes_as_bytes_at_the_end() -> None:
    of = WebSocketCodec(masked=False)

    assert of.feed(b"\x81\x05hel") == []
    assert of.end() == [Frame(Kind.BYTES, b"\x81\x05hel", b"\x81\x05hel")]
    assert of.end() == []


def test_long_line_passes_in_pieces_and_the_next_one_as_a_line() -> None:
    of = LineCodec(8)

    frames = [frame for piece in (b"0123456789A", b"more", b"end\nhi\nho", b"\n") for frame in of.feed(piece)]

    assert [(frame.kind, frame.raw) for frame in frames] == [
        (Kind.BYTES, b"0123456789A"),
        (Kind.BYTES, b"more"),
        (Kind.BYTES, b"end\n"),
        (Kind.LINE, b"hi\n"),
        (Kind.LINE, b"ho\n"),
    ]


@pytest.mark.parametrize("direction", Direction)
def test_close_frame_to_the_server_is_masked(direction: Direction) -> None:
    frame = close_frame(1011, direction)

    (read,) = codec_for(WireProtocol.WEBSOCKET, direction).feed(frame.raw)
    assert (read.kind, read.payload) == (Kind.CLOSE, b"\x03\xf3")


@pytest.mark.parametrize(
    ("first", "protocol"),
    [
        (b"GET /ws HTTP/1.1\r\nHost: x\r\n", WireProtocol.HTTP),
        (b"POST /channel/x/ HTTP/1.0\n", WireProtocol.HTTP),
        (b"GET / HTTP/1.1 \r\n", WireProtocol.LINES),
        (b"GET / HTTP/2.0\r\n", WireProtocol.LINES),
        (b"get / HTTP/1.1\r\n", WireProtocol.LINES),
        (b"LOGIN alice\r\n", WireProtocol.LINES),
        (b"HISTORY a b\r\n", WireProtocol.LINES),
        (b"\n", WireProtocol.LINES),
        (b"\x00", WireProtocol.LINES),
        (b"A" * 21, WireProtocol.LINES),
        (b"\x16\x03\x01\x02\x00\x01\x00", WireProtocol.BYTES),
        (b"\x16x\n", WireProtocol.LINES),
    ],
)
def test_protocol_is_detected_from_the_first_bytes(first: bytes, protocol: WireProtocol) -> None:
    guesses = {detect_protocol(first[:length]) for length in range(len(first) + 1)}

    assert detect_protocol(first) is protocol
    assert detect_protocol(b"") is None
    assert guesses <= {None, protocol}


HEAD = (
    b"GET /ws?a=b HTTP/1.1\r\nHost: x\r\nUPGRADE: WebSocket\r\nConnection: Upgrade\r\n%b"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    "offer",
    [
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        b"sec-websocket-extensions:x\r\nSec-WebSocket-Extensions: y\r\n",
        b"Sec-WebSocket-Extensions: a,\r\n b\r\n",
        b"",
    ],
)
def test_only_extensions_are_removed_from_a_handshake(offer: bytes) -> None:
    handshake = parse_handshake(HEAD % offer)

    assert handshake is not None
    assert handshake.head == HEAD % b""
    assert handshake.path == "/ws?a=b"


def test_other_requests_are_not_handshakes() -> None:
    assert parse_handshake(b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n") is None
    assert parse_handshake(b"GET /upgrade:websocket HTTP/1.1\r\nX: 1\r\n\r\n") is None


def test_only_status_101_switches_protocols() -> None:
    assert is_switching(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    assert not is_switching(b"HTTP/1.1 1010 x\r\n\r\n")
    assert not is_switching(b"HTTP/1.1 403 Forbidden\r\n\r\n")
