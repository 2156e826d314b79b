"""Frames as a table: the bytes that a client sends, and the result of the decoder.

Each row is fed whole, byte by byte, and cut in two at every position, with equal results.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from masked_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    ServerFrame,
    client_frame,
    close,
    server_frames,
    text,
)

from chateau.net import frames
from chateau.net.frames import Binary, Close, Decoder, Part, Ping, Pong, Received, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIMIT = 70_000

Row = tuple[str, bytes, list[Received]]


def violation(reason: str) -> list[Received]:
    return [Violation(1002, reason)]


NOT_UTF8: list[Received] = [Violation(1007, "the text is not UTF-8")]
TOO_BIG: list[Received] = [Violation(1009, "a message may have 70000 bytes")]
NOT_MASKED = violation("a client's frames must be masked")
UNFINISHED = violation("the message before is not finished")
NOT_SHORTEST = violation("a length is not written in the fewest bytes")
LONG_CONTROL = violation("a control frame is longer than 125 bytes")


def of_length(length: int) -> str:
    return ("0123456789" * (length // 10 + 1))[:length]


MESSAGES: list[Row] = [
    ("nothing at all says nothing", b"", []),
    ("a short text is a string", text("hello"), ["hello"]),
    ("an empty text is an empty string", text(""), [""]),
    ("a text of 125 bytes has its length in the second byte", text(of_length(125)), [of_length(125)]),
    ("a text of 126 bytes has its length in two more", text(of_length(126)), [of_length(126)]),
    ("a text of 65535 bytes has its length in two more", text(of_length(65_535)), [of_length(65_535)]),
    ("a text of 65536 bytes has its length in eight more", text(of_length(65_536)), [of_length(65_536)]),
    ("a text of just the limit is taken", text(of_length(LIMIT)), [of_length(LIMIT)]),
    ("characters of two, three and four bytes come whole", text("é€😀"), ["é€😀"]),
    ("a NUL is a character like any other", text("a\0b"), ["a\0b"]),
    ("the last character of Unicode is one too", text("\U0010ffff"), ["\U0010ffff"]),
    ("a mask of zeros leaves the payload as it is", client_frame(TEXT, b"hi", mask=bytes(4)), ["hi"]),
    ("a mask of ones turns every bit", client_frame(TEXT, b"hi", mask=b"\xff" * 4), ["hi"]),
    ("binary stays bytes", client_frame(BINARY, b"\x00\xff"), [Binary(b"\x00\xff")]),
    ("empty binary is empty", client_frame(BINARY), [Binary(b"")]),
    ("long binary is taken", client_frame(BINARY, bytes(65_536)), [Binary(bytes(65_536))]),
    ("two frames in one piece are two messages, in order", text("1") + text("2"), ["1", "2"]),
    (
        "text and binary may take turns",
        text("1") + client_frame(BINARY, b"2") + text("3"),
        ["1", Binary(b"2"), "3"],
    ),
    ("a header alone says nothing yet", text("hello")[:2], []),
    ("a frame that lacks its last byte says nothing yet", text("hello")[:-1], []),
    ("a complete message is returned before an incomplete one", text("1") + text("2")[:-1], ["1"]),
    ("one byte of the next frame waits", text("1") + text("2")[:1], ["1"]),
    ("half a long length waits", text(of_length(65_536))[:6], []),
]

CONTROLS: list[Row] = [
    ("an empty ping is a ping", client_frame(PING), [Ping(b"")]),
    ("a ping keeps its payload", client_frame(PING, b"\xffare you there"), [Ping(b"\xffare you there")]),
    ("a ping may have 125 bytes", client_frame(PING, bytes(125)), [Ping(bytes(125))]),
    ("a pong that nobody asked for is a pong", client_frame(PONG, b"x"), [Pong(b"x")]),
    ("a close without a code has none", close(), [Close(None, "")]),
    ("a close with a code has it", close(1000), [Close(1000, "")]),
    ("a close may say why", close(1001, "adiós".encode()), [Close(1001, "adiós")]),
    ("a reason may have 123 bytes", close(1000, b"x" * 123), [Close(1000, "x" * 123)]),
]

FRAGMENTS: list[Row] = [
    (
        "fragments are one message",
        text("Hel", final=False)
        + client_frame(CONTINUATION, b"l", final=False)
        + client_frame(CONTINUATION, b"o"),
        ["Hello"],
    ),
    (
        "fragments of binary are one too",
        client_frame(BINARY, b"\xff", final=False) + client_frame(CONTINUATION, b"\xfe"),
        [Binary(b"\xff\xfe")],
    ),
    (
        "all of the fragments may be empty",
        text("", final=False) + client_frame(CONTINUATION, final=False) + client_frame(CONTINUATION),
        [""],
    ),
    (
        "control frames may stand between fragments, and come first",
        text("a", final=False)
        + client_frame(PING, b"p")
        + client_frame(CONTINUATION, b"b", final=False)
        + client_frame(PONG, b"q")
        + client_frame(CONTINUATION, b"c"),
        [Ping(b"p"), Pong(b"q"), "abc"],
    ),
    (
        "a close between fragments is the end",
        text("a", final=False) + close(1000) + client_frame(CONTINUATION, b"b"),
        [Close(1000, "")],
    ),
    (
        "a character may be cut by fragments",
        text(b"\xf0\x9f", final=False)
        + client_frame(CONTINUATION, b"\x98", final=False)
        + client_frame(CONTINUATION, b"\x80"),
        ["😀"],
    ),
    (
        "a message behind a fragmented one is its own",
        text("a", final=False) + client_frame(CONTINUATION, b"b") + text("c"),
        ["ab", "c"],
    ),
    (
        "two fragmented messages may follow each other, of either kind",
        text("a", final=False)
        + client_frame(CONTINUATION, b"b")
        + client_frame(BINARY, b"\xc3", final=False)
        + client_frame(CONTINUATION, b"\x28"),
        ["ab", Binary(b"\xc3\x28")],
    ),
    (
        "fragments that have just the limit together are taken",
        text(of_length(LIMIT - 1), final=False) + client_frame(CONTINUATION, b"!"),
        [of_length(LIMIT - 1) + "!"],
    ),
    (
        "the limit applies per message",
        text(of_length(LIMIT - 1), final=False)
        + client_frame(CONTINUATION, b"!")
        + text("b", final=False)
        + client_frame(CONTINUATION, b"c"),
        [of_length(LIMIT - 1) + "!", "bc"],
    ),
]

VIOLATIONS: list[Row] = [
    *(
        (
            f"reserved bits {bits:03b} are a violation",
            client_frame(TEXT, b"x", reserved=bits),
            violation("reserved bits are set"),
        )
        for bits in (1, 2, 4, 7)
    ),
    (
        "reserved bits are a violation in a control frame too",
        client_frame(PING, reserved=1),
        violation("reserved bits are set"),
    ),
    (
        "reserved bits are a violation in a fragment too",
        text("a", final=False) + client_frame(CONTINUATION, b"b", reserved=4),
        violation("reserved bits are set"),
    ),
    *(
        (
            f"opcode {opcode:#x} is unknown",
            client_frame(opcode, b"x"),
            violation(f"unknown opcode {opcode:#x}"),
        )
        for opcode in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)
    ),
    *(
        (f"{name} that is not masked is a violation", client_frame(opcode, payload, mask=None), NOT_MASKED)
        for name, opcode, payload in (
            ("a text", TEXT, b"hello"),
            ("an empty text", TEXT, b""),
            ("a long text", TEXT, bytes(126)),
            ("a ping", PING, b""),
            ("a close", CLOSE, b"\x03\xe8"),
        )
    ),
    *(
        (
            f"a fragmented {name} is a violation",
            client_frame(opcode, b"", final=False),
            violation("a control frame is fragmented"),
        )
        for name, opcode in (("close", CLOSE), ("ping", PING), ("pong", PONG))
    ),
    *(
        (f"a {name} of 126 bytes is a violation", client_frame(opcode, b"x" * 126), LONG_CONTROL)
        for name, opcode in (("close", CLOSE), ("ping", PING), ("pong", PONG))
    ),
    (
        "a ping with an eight-byte length is a violation",
        client_frame(PING, b"x", length_bytes=8),
        LONG_CONTROL,
    ),
    (
        "a continuation of nothing is a violation",
        client_frame(CONTINUATION, b"x"),
        violation("there is nothing to continue"),
    ),
    (
        "a continuation of nothing that is not the last is one too",
        client_frame(CONTINUATION, b"x", final=False),
        violation("there is nothing to continue"),
    ),
    (
        "a message that is finished cannot be continued",
        text("a", final=False) + client_frame(CONTINUATION, b"b") + client_frame(CONTINUATION, b"c"),
        ["ab", *violation("there is nothing to continue")],
    ),
    ("a text inside a fragmented one is a violation", text("a", final=False) + text("b"), UNFINISHED),
    (
        "a first fragment inside a fragmented message is a violation",
        text("a", final=False) + text("b", final=False),
        UNFINISHED,
    ),
    (
        "binary inside a fragmented text is a violation",
        text("a", final=False) + client_frame(BINARY, b"b"),
        UNFINISHED,
    ),
    *(
        (
            f"{length} written in {length_bytes} bytes is a violation",
            client_frame(TEXT, b"x" * length, length_bytes=length_bytes),
            NOT_SHORTEST,
        )
        for length, length_bytes in ((0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65_535, 8))
    ),
    (
        "a length with its highest bit set is a violation",
        client_frame(TEXT, length_bytes=8, declared=1 << 63),
        violation("a length has its highest bit set"),
    ),
    (
        "half a close code is a violation",
        client_frame(CLOSE, b"\x03"),
        violation("a close frame has half a code"),
    ),
    *(
        (f"close code {code} is a violation", close(code), violation(f"{code} is no code for a close frame"))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    ),
    ("a close reason that is not UTF-8 is a violation", close(1000, b"\xff"), NOT_UTF8),
    ("a close reason that ends inside a character is one too", close(1000, "€".encode()[:2]), NOT_UTF8),
]

INVALID_TEXTS = [
    ("a stray continuation byte", b"\x80"),
    ("an overlong slash", b"\xc0\xaf"),
    ("half a surrogate pair", b"\xed\xa0\x80"),
    ("a character beyond Unicode", b"\xf4\x90\x80\x80"),
    ("a byte that UTF-8 does not have", b"abc\xfedef"),
    ("the beginning of a character", "abc€".encode()[:-1]),
]

INVALID: list[Row] = [
    *((f"{name} is a violation", text(payload), NOT_UTF8) for name, payload in INVALID_TEXTS),
    *(
        (
            f"{name} in the last fragment is a violation",
            text("fine", final=False) + client_frame(CONTINUATION, payload),
            NOT_UTF8,
        )
        for name, payload in INVALID_TEXTS
    ),
    (
        "a long text that is not UTF-8 is a violation",
        text(of_length(200).encode() + b"\xff"),
        NOT_UTF8,
    ),
    (
        "a character that a fragment begins must be gone on with",
        text(b"\xe2\x82", final=False) + client_frame(CONTINUATION, b"x", final=False),
        NOT_UTF8,
    ),
]

SIZES: list[Row] = [
    ("a byte more than the limit is too big", text(of_length(LIMIT + 1)), TOO_BIG),
    ("binary may not be bigger either", client_frame(BINARY, bytes(LIMIT + 1)), TOO_BIG),
    ("the declared length is enough", client_frame(TEXT, declared=LIMIT + 1)[:10], TOO_BIG),
    ("the greatest length there is is too big", client_frame(TEXT, declared=(1 << 63) - 1)[:10], TOO_BIG),
    (
        "fragments may not be too big together",
        text(of_length(LIMIT), final=False) + client_frame(CONTINUATION, b"!"),
        TOO_BIG,
    ),
    (
        "a fragment whose declared length is too much for the rest is too big",
        text(of_length(60_000), final=False) + client_frame(CONTINUATION, declared=10_001)[:4],
        TOO_BIG,
    ),
]

ENDS: list[Row] = [
    ("nothing is read behind a close", close(1000) + text("x") + close(1001), [Close(1000, "")]),
    ("not even a violation", close() + client_frame(0x3), [Close(None, "")]),
    (
        "nothing is read behind a violation",
        client_frame(0x3) + text("x") + close(1000),
        violation("unknown opcode 0x3"),
    ),
    (
        "what came before a violation counts",
        text("1") + client_frame(PING) + client_frame(0x3),
        ["1", Ping(b""), *violation("unknown opcode 0x3")],
    ),
    ("nothing is read behind a text that is not UTF-8", text(b"\xff") + text("x"), NOT_UTF8),
    ("one byte after a close is discarded", close(1000) + b"\x81", [Close(1000, "")]),
]

TABLE = [*MESSAGES, *CONTROLS, *FRAGMENTS, *VIOLATIONS, *INVALID, *SIZES, *ENDS]


def rows(table: Iterable[Row]) -> list[object]:
    return [pytest.param(sent, expected, id=says) for says, sent, expected in table]


def fed(*pieces: bytes) -> list[Received]:
    """Return the messages that a decoder returns for *pieces*, one after the other."""
    decoder = Decoder(LIMIT)
    return [received for piece in pieces for received in whole(decoder.feed(piece))]


def whole(received: Iterable[Received]) -> list[Received]:
    """Return *received* without the parts of messages."""
    return [item for item in received if not isinstance(item, Part)]


def cuts(length: int) -> Iterator[int]:
    """Return every position to cut at; in long rows those near both ends and some in between."""
    if length < 1_000:
        return iter(range(length + 1))
    return iter(sorted({*range(300), *range(300, length, 4_999), *range(length - 300, length + 1)}))


@pytest.mark.parametrize(("sent", "expected"), rows(TABLE))
def test_frames_in_one_piece_are_decoded(sent: bytes, expected: list[Received]) -> None:
    received = fed(sent)

    assert received == expected
    assert list(map(type, received)) == list(map(type, expected))  # tuples of two kinds may be equal


@pytest.mark.parametrize(("sent", "expected"), rows(TABLE))
def test_frames_are_decoded_wherever_they_are_cut(sent: bytes, expected: list[Received]) -> None:
    assert fed(*(bytes((byte,)) for byte in sent)) == expected
    for place in cuts(len(sent)):
        assert fed(sent[:place], sent[place:]) == expected, f"cut at {place}"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999])
def test_every_valid_close_code_is_accepted(code: int) -> None:
    assert fed(close(code)) == [Close(code, "")]


def test_valid_close_codes_are_those_of_the_registry_and_of_applications() -> None:
    sendable = {code for code in range(65_536) if frames.is_close_code(code)}

    assert sendable == {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}


AT_ONCE = [
    (
        "an unknown opcode is reported at the header",
        [client_frame(0x3)[:2]],
        violation("unknown opcode 0x3"),
    ),
    (
        "a frame that is not masked is reported at the header",
        [client_frame(TEXT, b"x", mask=None)[:2]],
        NOT_MASKED,
    ),
    (
        "a too big message is reported at its length",
        [client_frame(TEXT, declared=LIMIT + 1)[:10]],
        TOO_BIG,
    ),
    (
        "a fragment above the limit is reported at its length",
        [text(of_length(60_000), final=False), client_frame(CONTINUATION, declared=10_001)[:4]],
        TOO_BIG,
    ),
    *(
        (f"{name} is reported at the first fragment", [text(payload, final=False)], NOT_UTF8)
        for name, payload in INVALID_TEXTS[:-1]
    ),
    (
        "an invalid character is reported at its fragment",
        [text(b"\xe2\x82", final=False), client_frame(CONTINUATION, b"x", final=False)],
        NOT_UTF8,
    ),
    (
        "half a surrogate pair is reported at its last byte",
        [text(b"\xed\xa0", final=False), client_frame(CONTINUATION, b"\x80", final=False)],
        NOT_UTF8,
    ),
]


@pytest.mark.parametrize(
    ("pieces", "expected"), [pytest.param(pieces, expected, id=says) for says, pieces, expected in AT_ONCE]
)
def test_violation_is_reported_at_the_first_possible_byte(
    pieces: list[bytes], expected: list[Received]
) -> None:
    decoder = Decoder(LIMIT)

    received = [whole(decoder.feed(piece)) for piece in pieces]

    assert received == [*([] for _ in pieces[1:]), expected]


def test_message_is_returned_with_its_last_byte() -> None:
    decoder = Decoder(LIMIT)
    sent = text(of_length(300)) + text("x")

    received = [len(whole(decoder.feed(bytes((byte,))))) for byte in sent]

    first = next(place for place, count in enumerate(accumulate(received), start=1) if count == 1)
    assert first == 308
    assert sum(received) == 2


def test_each_decoder_has_its_own_limit() -> None:
    decoder = Decoder(200)

    assert decoder.feed(text(of_length(200))) == [of_length(200)]
    assert decoder.feed(text(of_length(201))) == [Violation(1009, "a message may have 200 bytes")]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_encoded_frames_are_readable_by_another_decoder(length: int) -> None:
    payload = of_length(length).encode()

    assert server_frames(frames.text_frame(payload)) == [ServerFrame(TEXT, payload)]
    assert server_frames(frames.binary_frame(payload)) == [ServerFrame(BINARY, payload)]


@pytest.mark.parametrize("length", [0, 1, 125])
def test_pings_and_pongs_have_their_payload(length: int) -> None:
    payload = bytes(range(length))

    assert server_frames(frames.ping_frame(payload)) == [ServerFrame(PING, payload)]
    assert server_frames(frames.pong_frame(payload)) == [ServerFrame(PONG, payload)]


def test_ping_without_a_payload_is_empty() -> None:
    assert frames.ping_frame() == b"\x89\x00"


def test_close_frame_has_its_code_and_reason() -> None:
    [frame] = server_frames(frames.close_frame(1008, "slow consumer"))

    assert frame == ServerFrame(CLOSE, b"\x03\xf0slow consumer")


def test_close_frame_without_a_code_has_no_reason() -> None:
    assert frames.close_frame(None, "because") == b"\x88\x00"


@pytest.mark.parametrize(
    ("reason", "left"),
    [
        ("x" * 123, "x" * 123),
        ("x" * 124, "x" * 123),
        ("x" * 122 + "é", "x" * 122),
        ("x" * 121 + "é", "x" * 121 + "é"),
        ("x" * 121 + "€", "x" * 121),
        ("x" * 120 + "😀", "x" * 120),
        ("x" * 119 + "😀", "x" * 119 + "😀"),
        ("😀" * 31, "😀" * 30),
    ],
)
def test_long_reason_is_truncated_between_characters(reason: str, left: str) -> None:
    [frame] = server_frames(frames.close_frame(1011, reason))

    assert frame.code == 1011
    assert frame.reason == left


def test_each_unfinished_fragment_is_reported_so_that_it_can_be_charged() -> None:
    sent = (
        client_frame(TEXT, b"", final=False)
        + 3 * client_frame(CONTINUATION, b"", final=False)
        + client_frame(CONTINUATION, b"ab", final=False)
        + client_frame(CONTINUATION, b"c")
    )

    assert list(Decoder(LIMIT).feed(sent)) == [*4 * [Part(0)], Part(2), "abc"]
