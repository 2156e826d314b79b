"""Parsing publish requests without I/O: supported requests, and those left to Tornado."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publishing_harness import broadcast, broadcast_binary, chunked, post

from chateau.net.host_policy import HostPolicy
from chateau.net.origin_policy import OriginPolicy
from chateau.net.publish_connection import HEAD_BYTES, PublishParser, PublishRequest
from chateau.net.publish_handler import PublishEndpoint, PublishRoute, remote_ip
from chateau.protocols.channels import ChannelsProtocol
from chateau.protocols.spec import ProtocolContext

MAX_BODY = 1_000


def new_parser() -> PublishParser:
    channels = ChannelsProtocol(
        ProtocolContext(
            hub=None,  # type: ignore[arg-type]
            schemas=None,  # type: ignore[arg-type]
            broadcast=broadcast,
            broadcast_binary=broadcast_binary,
            clock=lambda: 0.0,
            max_frame=MAX_BODY,
        )
    )
    endpoint = PublishEndpoint(
        channels,
        url_prefix="/api",
        address_of=remote_ip,
        origins=OriginPolicy(),
        hosts=HostPolicy(),
        clock=lambda: 0.0,
    )
    return PublishParser(endpoint)


def fields(publish: PublishRequest) -> tuple[PublishRoute, dict[str, str], bytes]:
    """Return the fields of a publish request, for comparison."""
    return publish.route, publish.headers, publish.body


PLAIN = post("/api/channel/a/?pwd=x", b"hi", Package_Type=" text\t")
PLAIN_READ = (
    PublishRoute("/api/channel/a/", "a", "pwd=x"),
    {"host": "localhost", "content-length": "2", "package-type": "text"},
    b"hi",
)
BULK = post("/api/broadcast", b"{}\r\n\r\n")
BULK_READ = (
    PublishRoute("/api/broadcast", None, ""),
    {"host": "localhost", "content-length": "6"},
    b"{}\r\n\r\n",
)


def test_publish_request_is_parsed_with_headers_and_body() -> None:
    parser = new_parser()

    assert list(map(fields, parser.feed(PLAIN + BULK))) == [PLAIN_READ, BULK_READ]
    assert parser.rest is None


@given(cuts=st.lists(st.integers(0, 40), max_size=20))
def test_publish_requests_are_parsed_wherever_they_are_cut(cuts: list[int]) -> None:
    stream = (PLAIN + BULK) * 3
    parser = new_parser()
    read: list[PublishRequest] = []

    for cut in cuts:
        read += parser.feed(stream[:cut])
        stream = stream[cut:]
    read += parser.feed(stream)

    assert list(map(fields, read)) == [PLAIN_READ, BULK_READ] * 3
    assert parser.rest is None


def test_body_in_many_pieces_is_joined_once() -> None:
    parser = new_parser()

    parser.feed(post("/api/channel/a", b"x" * MAX_BODY)[:-MAX_BODY])
    for _ in range(MAX_BODY - 1):
        assert parser.feed(b"x") == []
    (publish,) = parser.feed(b"x")

    assert publish.body == b"x" * MAX_BODY


def head_of(size: int) -> bytes:
    """Return a publish request whose head has *size* bytes, without the empty line."""
    bare = post("/api/channel/a/", X="")
    return post("/api/channel/a/", X="x" * (size - len(bare) + len(b"\r\n\r\n")))


@pytest.mark.parametrize("piece", [1, 4_096, 100_000])
@pytest.mark.parametrize(("size", "is_read"), [(HEAD_BYTES, True), (HEAD_BYTES + 1, False)])
def test_head_limit_applies_wherever_the_request_is_cut(size: int, is_read: bool, piece: int) -> None:
    request, parser = head_of(size), new_parser()

    read = [
        publish for at in range(0, len(request), piece) for publish in parser.feed(request[at : at + piece])
    ]

    assert (len(read), parser.rest) == ((1, None) if is_read else (0, request))


def without_end(head: bytes) -> bytes:
    return head[: -len(b"\r\n\r\n")]


LEFT = [
    pytest.param(post("/hello", method="GET"), id="another method"),
    pytest.param(post("/api/channel/a/", b"", method="PUT"), id="a method with a body"),
    pytest.param(post("/api/channel/a/", b"", method="post"), id="a method in lower case"),
    pytest.param(post("/api/hello", b""), id="another address"),
    pytest.param(post("/channel/a/", b""), id="an address outside the prefix"),
    pytest.param(post("/api/channel/a/b/", b""), id="an address too deep"),
    pytest.param(post("http://localhost/api/channel/a/", b""), id="an address in full"),
    pytest.param(post("/api/channel/a b/", b""), id="a space in the address"),
    pytest.param(post("/api/channel/\xe9/", b""), id="an address beyond ASCII"),
    pytest.param(PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), id="HTTP/1.0"),
    pytest.param(PLAIN.replace(b"HTTP/1.1", b"HTTP/1.2"), id="HTTP/1.2"),
    pytest.param(PLAIN.replace(b"POST ", b"POST  "), id="two spaces"),
    pytest.param(PLAIN.replace(b"\r\n", b"\n"), id="lines that end with LF"),
    pytest.param(PLAIN.replace(b"\r\n\r\n", b"\n\r\n"), id="one line that ends with LF"),
    pytest.param(PLAIN.replace(b"\r\nHost", b"\nHost"), id="one such line further up"),
    pytest.param(PLAIN.replace(b"Host:", b"Host :"), id="a space before the colon"),
    pytest.param(PLAIN.replace(b"\r\nHost", b"\r\n Host"), id="a folded line"),
    pytest.param(PLAIN.replace(b"Host: ", b"Host "), id="no colon"),
    pytest.param(PLAIN.replace(b"Host", b""), id="no name"),
    pytest.param(PLAIN.replace(b"localhost", b"local\0host"), id="a NUL in a header"),
    pytest.param(PLAIN.replace(b"localhost", b"local\rhost"), id="a CR in a header"),
    pytest.param(PLAIN.replace(b"localhost", b"local\x7fhost"), id="a DEL in a header"),
    pytest.param(b"\r\n" + PLAIN, id="an empty line before it"),
    pytest.param(post("/api/channel/a/", Host=None), id="no host"),
    pytest.param(post("/api/channel/a/", host="other"), id="two hosts"),
    pytest.param(post("/api/channel/a/", X="1", x="1"), id="a header twice"),
    pytest.param(post("/api/channel/a/", Content_Length=None), id="no length"),
    pytest.param(post("/api/channel/a/", Content_Length=""), id="an empty length"),
    pytest.param(post("/api/channel/a/", Content_Length="-1"), id="a negative length"),
    pytest.param(post("/api/channel/a/", Content_Length="+1"), id="a length with a sign"),
    pytest.param(post("/api/channel/a/", Content_Length="1_0"), id="a length as Python writes it"),
    pytest.param(post("/api/channel/a/", Content_Length="0x1"), id="a length in base 16"),
    pytest.param(post("/api/channel/a/", Content_Length="\xb2"), id="a length that is not ASCII"),
    pytest.param(post("/api/channel/a/", Content_Length="2, 2"), id="two lengths in one"),
    pytest.param(post("/api/channel/a/", content_length="2"), id="two lengths"),
    pytest.param(post("/api/channel/a/", Content_Length=str(MAX_BODY + 1)), id="a body too long"),
    pytest.param(post("/api/channel/a/", Content_Length="9" * 5_000), id="a length of 5,000 digits"),
    pytest.param(chunked("/api/channel/a/", b"hi"), id="chunks"),
    pytest.param(post("/api/channel/a/", Transfer_Encoding="identity"), id="an encoding and a length"),
    pytest.param(post("/api/channel/a/", Expect="100-continue"), id="a question before the body"),
    pytest.param(post("/api/channel/a/", Expect=""), id="an empty question"),
    pytest.param(post("/api/channel/a/", Upgrade="websocket"), id="an upgrade"),
    pytest.param(post("/api/channel/a/", Connection="close"), id="the last request"),
    pytest.param(post("/api/channel/a/", Connection="keep-alive, x"), id="more about the connection"),
    pytest.param(post("/api/channel/a/", X="x" * HEAD_BYTES), id="a long head"),
    pytest.param(without_end(post("/api/channel/a/", X="x" * HEAD_BYTES)), id="a long head without an end"),
    pytest.param(b"GET", id="the beginning of another method"),
    pytest.param(b"POSTE", id="the beginning of a longer method"),
    pytest.param(b"\r\n\r\n", id="empty lines"),
    pytest.param(b"\x16\x03\x01", id="TLS"),
]


@pytest.mark.parametrize("request_", LEFT)
def test_unsupported_request_is_left_unparsed_from_its_first_byte(request_: bytes) -> None:
    parser = new_parser()

    read = parser.feed(PLAIN + request_)
    read += parser.feed(PLAIN)

    assert list(map(fields, read)) == [PLAIN_READ]
    assert parser.rest == request_ + PLAIN


BEGUN = [
    b"P",
    b"POST",
    b"POST ",
    b"POST /api/channel/a/",
    b"POST /api/channel/a/ HTTP/1.1\r\nHost: x\r",
    PLAIN[:-1],
]


@pytest.mark.parametrize("begun", BEGUN)
def test_incomplete_publish_request_waits_for_more_input(begun: bytes) -> None:
    parser = new_parser()

    assert parser.feed(begun) == []
    assert parser.rest is None


@given(
    data=st.lists(st.binary(max_size=60) | st.sampled_from([PLAIN, BULK, b"POST ", b"\r\n\r\n"]), max_size=10)
)
def test_no_byte_of_any_input_is_lost(data: list[bytes]) -> None:
    parser = new_parser()
    read = [publish for piece in data for publish in parser.feed(piece)]

    stream = b"".join(data)
    whole = new_parser()
    assert list(map(fields, whole.feed(stream))) == list(map(fields, read))
    assert whole.rest == parser.rest
    if parser.rest is not None:
        assert stream.endswith(parser.rest)
