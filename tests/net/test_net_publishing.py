"""Publishing over real sockets, on Tornado's connection and on a publish connection.

Every test runs on both. A client that has published twice is moved to a publish connection where they are
enabled; the next request is read there.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest
from captured_log import Log
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from masked_frames import text
from publishing_harness import SCHEMA_SET, PublishingServer, chunked, post
from raw_client import PATIENCE_SECONDS, RawClient, Response
from tornado.ioloop import IOLoop

from chateau.hub.events import JoinRecord, StoredRecord
from chateau.net import connection, publish_connection
from chateau.net.http_heads import HeadLimits
from chateau.store.memory import MemoryStore

WAYS = {
    "tornado, its first request": (False, 0),
    "tornado, a later request": (False, 2),
    "a publisher's first request": (True, 0),
    "a publisher's second request": (True, 1),
    "a publisher's own connection": (True, 2),
}

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def run(io_loop: IOLoop) -> Run:
    def run(test: Callable[[], Awaitable[None]]) -> None:
        io_loop.run_sync(test, timeout=2 * PATIENCE_SECONDS)  # type: ignore[arg-type]

    return run


@pytest.fixture(params=WAYS)
def variant(request: pytest.FixtureRequest) -> tuple[bool, int]:
    return WAYS[request.param]


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[PublishingServer]:
    harness = PublishingServer(**({"has_lane": True} | options))
    try:
        yield harness
    finally:
        await harness.close()


async def asked(client: RawClient, request: bytes) -> Response:
    client.send(request)
    return await client.response()


SCHEMAS = {201: "published-response", 400: "bad-request-response", 403: "not-authorized-response"}


def check(response: Response) -> None:
    """Check a response against its schema; an error must have a reason."""
    body = json.loads(response.body)
    assert SCHEMA_SET.validator(SCHEMAS.get(response.status, "other-response"))(body)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["date"] == "Fri, 20 Nov 2026 12:00:00 GMT"
    assert response.headers["server"].startswith("Chateau/")
    assert ("x-error" in response.headers) == (response.status != 201)
    assert ("x-delivered" in response.headers) == (response.status == 201)
    if response.status != 201:
        assert response.headers["x-error"].isascii()
        assert response.headers["x-error"].isprintable()
        assert response.headers["x-error"].endswith(".")


AUTHORIZED = {"Authorization": "Bearer swordfish"}
SEED = b'{"a": [{"text": "Hi all"}], "b": [{"bytes": "\\u0003"}, {"json": {"a" : 1}}]}'

GOOD = [
    pytest.param(post("/channel/a/", b"hi"), ["hi"], id="the seed's address"),
    pytest.param(post("/channel/a", b"hi"), ["hi"], id="without the final slash"),
    pytest.param(post("/channel/A/", b"hi", Package_Type="Text"), ["hi"], id="with a header"),
    pytest.param(
        post("/channel/a/", b'{"a" : 1}', **{"package-type": "json"}), ['{"a" : 1}'], id="in lower case"
    ),
    pytest.param(post("/channel/a/", b"\0\xff", Package_Type="bytes"), [b"\0\xff"], id="bytes"),
    pytest.param(post("/channel/a/", b""), [""], id="the empty text"),
    pytest.param(post("/channel/%41/?x=1", b"hi"), ["hi"], id="a name in percent-encoding"),
    pytest.param(post("/channel/%20a%09/", b"hi"), ["hi"], id="a name with spaces"),
    pytest.param(post("/channel/a/", b"hi", Connection="keep-alive", Accept="*/*"), ["hi"], id="kept alive"),
    pytest.param(post("/channel/a/", b"hi", Connection="Keep-Alive"), ["hi"], id="kept alive, in capitals"),
    pytest.param(post("/channel/a/", b"hi", Content_Length="002"), ["hi"], id="a length with zeros"),
    pytest.param(post("/channel/a/", b"hi", X_Empty="", X_Latin="\xe9"), ["hi"], id="odd headers"),
    pytest.param(post("/broadcast/", SEED), ["Hi all"], id="the seed's broadcast"),
    pytest.param(post("/broadcast", SEED), ["Hi all"], id="a broadcast without the final slash"),
    pytest.param(
        post("/broadcast/?pwd=wrong", SEED, Content_Type="text/plain"), ["Hi all"], id="an ignored password"
    ),
    pytest.param(chunked("/channel/a/", b"h", b"i"), ["hi"], id="a body in chunks"),
    pytest.param(post("/channel/a/", Content_Length=None), [""], id="no length"),
    pytest.param(post("/channel/a/", b"hi", X_A="1", x_a="2"), ["hi"], id="a header twice"),
    pytest.param(post("/channel/a/", b"hi").replace(b"\r\n", b"\n"), ["hi"], id="lines that end with LF"),
    pytest.param(b"\r\n" + post("/channel/a/", b"hi"), ["hi"], id="an empty line before it"),
    pytest.param(post("/channel/a/", b"hi", X_Long="x" * 20_000), ["hi"], id="a long head"),
    pytest.param(post("/channel/a/", b"x" * 300_000), ["x" * 300_000], id="a long body"),
    pytest.param(post("/channel/a/", b"hi", Content_Encoding="Identity"), ["hi"], id="not encoded"),
    pytest.param(post("/channel/a/", b"hi", Content_Type=f"text/x; y={'z' * 200}"), ["hi"], id="a long type"),
    pytest.param(
        post("/channel/a/", b"hi", Content_Type="text/plain; charset=ISO-8859-1"), ["hi"], id="Latin-1"
    ),
    pytest.param(
        post("/channel/a/", b"hi", Content_Type="application/x-www-form-urlencoded"), ["hi"], id="curl --data"
    ),
    pytest.param(
        post("/channel/a/", b"\0", Content_Type="image/png", Package_Type="Bytes"), [b"\0"], id="a picture"
    ),
    pytest.param(post("http://localhost/channel/a/", b"hi"), ["hi"], id="an address in full"),
    pytest.param(post("HTTP://x.example:80/channel/a?x=1", b"hi"), ["hi"], id="the same in capitals"),
    pytest.param(post("/channel/a/", b"hi", **dict.fromkeys(map(str, range(98)), "")), ["hi"], id="headers"),
    pytest.param(post(f"/channel/a/?{'x' * 8_180}", b"hi"), ["hi"], id="a long target"),
]


@pytest.mark.parametrize(("request_", "got"), GOOD)
def test_publish_gets_a_response_and_the_connection_continues(
    run: Run, variant: tuple[bool, int], request_: bytes, got: list[object]
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, request_)
            check(response)
            assert (response.status, response.body, response.headers["x-delivered"]) == (201, b'"OK"', "1")
            assert protocol.got == got
            again = await asked(client, post("/channel/a/", b"again"))
            assert again.status == 201
            assert protocol.got == [*got, "again"]

    run(test)


REFUSED = [
    pytest.param(post("/channel/a/", b"\xff"), 400, id="text that is not UTF-8"),
    pytest.param(post("/channel/a/", b"{", Package_Type="json"), 400, id="half an object"),
    pytest.param(post("/channel/a/", b"", Package_Type="xml"), 400, id="a kind that nobody knows"),
    pytest.param(post("/channel/a/", b"", Package_Type="\xe9\x85"), 400, id="a kind beyond ASCII"),
    pytest.param(post("/channel//", b"hi"), 400, id="no name"),
    pytest.param(post("/channel/", b"hi"), 400, id="no name and no slash"),
    pytest.param(post("/channel/%FF/", b"hi"), 400, id="a name that is not UTF-8"),
    pytest.param(post("/channel/%0A%0D%00%C3%A9/", b"hi"), 400, id="a name that would break a header"),
    pytest.param(post(f"/channel/{'a' * 100}/", b"hi"), 400, id="a name too long"),
    pytest.param(post("/channel/closed/", b"hi"), 403, id="a closed room"),
    pytest.param(post("/broadcast/", b"[]"), 400, id="a broadcast that is not an object"),
    pytest.param(post("/broadcast/", b'{"a": [{"text": "hi"}], "b": 1}'), 400, id="half a broadcast"),
    pytest.param(
        post("/broadcast/", b'{"a": [{"text": "hi"}], "closed": []}'), 403, id="a closed room in it"
    ),
    pytest.param(post("/channel/a/", b"hi", Idempotency_Key="k" * 201), 400, id="a key too long"),
    pytest.param(post("/channel/a/", b"hi", Idempotency_Key=""), 400, id="an empty key"),
    pytest.param(post("/channel/a/", b"hi", Host=None), 400, id="no host"),
    pytest.param(post("/channel/a/", b"hi", host="other"), 400, id="two hosts"),
    pytest.param(post("/channel/a/", b"x" * 1_001), 413, id="a body too long"),
    pytest.param(post("/broadcast/", b" " * 1_001), 413, id="a broadcast too long"),
    pytest.param(chunked("/channel/a/", b"x" * 600, b"x" * 600), 413, id="chunks too long"),
    pytest.param(post("/channel/a/", b"\x1f\x8b", Content_Encoding="gzip"), 415, id="a compressed body"),
    pytest.param(post("/channel/a/", b"hi", Content_Encoding="BR"), 415, id="another compression"),
    pytest.param(post("/channel/a/", b"hi", Content_Encoding="identity, gzip"), 415, id="two encodings"),
    pytest.param(
        post("/channel/a/", b"hi", Content_Encoding="gzip", Package_Type="bytes"), 415, id="compressed bytes"
    ),
    pytest.param(post("/broadcast/", b"{}", Content_Encoding="zstd"), 415, id="a compressed broadcast"),
    pytest.param(
        post("/channel/a/", b"--x--", Content_Type="Multipart/Form-Data; boundary=x"), 415, id="curl --form"
    ),
    pytest.param(post("/channel/a/", b"hi", Content_Type="image/png"), 415, id="a picture as text"),
    pytest.param(
        post("/channel/a/", b"{}", Content_Type="application/zip", Package_Type="json"), 415, id="a zip file"
    ),
    pytest.param(
        post("/channel/a/", b"h\0i\0", Content_Type='text/plain; x=y; Charset="UTF-16"'), 415, id="UTF-16"
    ),
    pytest.param(post("/broadcast", b"{}", Content_Type="multipart/mixed"), 415, id="a broadcast in parts"),
]


@pytest.mark.parametrize(("request_", "status"), REFUSED)
def test_rejected_publish_is_not_delivered_and_the_connection_continues(
    run: Run, variant: tuple[bool, int], request_: bytes, status: int
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], max_frame=1_000) as harness:
            protocol = harness.subscribe()
            closed = harness.subscribe("closed")
            harness.hub.rooms.close("closed")
            closed.got.clear()
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, request_)
            assert response.status == status
            check(response)
            if status == 405:
                assert response.headers["allow"] == "POST"
            assert protocol.got == closed.got == []
            assert (await asked(client, post("/channel/a/", b"again"))).status == 201

    run(test)


PASSWORDS = [
    pytest.param("", {}, 403, id="none"),
    pytest.param("?pwd=swordfish", {}, 201, id="in the query"),
    pytest.param("?a=b&pwd=sword%66ish&c", {}, 201, id="among others, in percent-encoding"),
    pytest.param("?pwd=Swordfish", {}, 403, id="a wrong one"),
    pytest.param("?pwd=", {}, 403, id="an empty one"),
    pytest.param("?pwd", {}, 403, id="no value"),
    pytest.param("?PWD=swordfish", {}, 403, id="another name"),
    pytest.param("?pwd=%FF", {}, 403, id="not UTF-8"),
    pytest.param("", {"Authorization": "Bearer swordfish"}, 201, id="as a token"),
    pytest.param("", {"Authorization": "bearer  swordfish "}, 201, id="as a token, with spaces"),
    pytest.param("", {"Authorization": "Bearer sword"}, 403, id="a wrong token"),
    pytest.param("", {"Authorization": "Bearer"}, 403, id="no token"),
    pytest.param("", {"Authorization": "Bearer \xff\xfe"}, 403, id="a token that is not UTF-8"),
    pytest.param("", {"Authorization": "Basic swordfish"}, 403, id="another scheme"),
    pytest.param("?pwd=wrong", {"Authorization": "Bearer swordfish"}, 403, id="the query comes first"),
    pytest.param("?x=y", {"Authorization": "Bearer swordfish"}, 201, id="a query without one"),
]


@pytest.mark.parametrize(("query", "headers", "status"), PASSWORDS)
@pytest.mark.parametrize(
    ("address", "body"), [("/channel/a/", b"hi"), ("/broadcast/", b'{"a": [{"text": "hi"}]}')]
)
def test_publishing_requires_the_password(
    run: Run,
    variant: tuple[bool, int],
    query: str,
    headers: dict[str, str],
    status: int,
    address: str,
    body: bytes,
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], password="swordfish") as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, post(address + query, body, **headers))
            check(response)
            assert response.status == status
            assert protocol.got == (["hi"] if status == 201 else [])

    run(test)


def test_non_ascii_password_works_in_the_query_and_as_a_token(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], password="pässwort") as harness:
            client = await harness.connect()
            token = "pässwort".encode().decode("latin-1")
            requests = [
                post("/channel/a/?pwd=p%C3%A4sswort", b"hi"),
                post("/channel/a/", b"hi", Authorization=f"Bearer {token}"),
            ]
            for request in 2 * requests:
                assert (await asked(client, request)).status == 201

    run(test)


def test_response_bytes_are_exact(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, post("/channel/a/", b"hi"))
            assert list(response.headers) == [
                "server",
                "x-content-type-options",
                "content-type",
                "content-length",
                "date",
                "x-delivered",
            ]
            assert response.body == b'"OK"'

    run(test)


def test_other_requests_are_passed_to_the_application(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            for number in range(3):
                assert (await asked(client, post("/hello", method="GET"))).body == b"hello"
                assert (await asked(client, post("/echo", b"body"))).body == b"body"
                assert (await asked(client, chunked("/echo", b"bo", b"dy"))).body == b"body"
                assert (await asked(client, post("/channel/a/b/", b"hi"))).status == 404
                assert (await asked(client, post("/channel/a/", method="GET"))).status == 404
                for _ in range(3):
                    assert (await asked(client, post("/channel/a/", b"%d" % number))).status == 201
            assert protocol.got == [str(number) for number in range(3) for _ in range(3)]

    run(test)


def test_connection_of_a_publisher_can_become_a_websocket(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            client = await harness.connect(publishes=variant[1])
            client.send(client.handshake_request().replace(b"/ws", b"/socket") + text("early"))
            assert (await client.response()).status == 101
            assert (await client.receive()).payload == b"early"
            client.send(text("late"))
            assert (await client.receive()).payload == b"late"

    run(test)


# Pipelining and fragmentation

MIXED = [
    (post("/channel/a/", b"1"), 201),
    (post("/channel/a/", b"2"), 201),
    (post("/channel/a/", b"\xff"), 400),
    (post("/hello", method="GET"), 200),
    (post("/broadcast/", b'{"a": [{"text": "3"}]}'), 201),
    (chunked("/channel/a/", b"4"), 201),
    (post("/channel/a/", b"5"), 201),
    (post("/channel/a/", b"6"), 201),
    (post("/channel/a/", b"7"), 201),
    (post("/echo", b"x" * 100_000), 200),
    (post("/channel/a/", b"8" * 200_000), 201),
    (post("/nowhere", b"hi"), 404),
]
STREAM = b"".join(request for request, _ in MIXED)
SAID = ["1", "2", "3", "4", "5", "6", "7", "8" * 200_000]


def test_pipelined_requests_get_responses_in_order(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            client.send(STREAM)
            assert [(await client.response()).status for _ in MIXED] == [status for _, status in MIXED]
            assert protocol.got == SAID

    run(test)


def test_requests_may_arrive_byte_by_byte(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            client.writer.transport.get_extra_info("socket")
            for request in (
                post("/channel/a/", b"12"),
                chunked("/channel/a/", b"3"),
                post("/channel/a/", b"45"),
            ):
                for byte in request:
                    client.send(bytes([byte]))
                    await asyncio.sleep(0)
                assert (await client.response()).status == 201
            assert protocol.got == ["12", "3", "45"]

    run(test)


REQUESTS = st.sampled_from([(request, status) for request, status in MIXED if len(request) < 1_000])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(REQUESTS, min_size=1, max_size=12), cuts=st.lists(st.integers(1, 400), max_size=8))
def test_fast_path_and_tornado_give_equal_responses_wherever_requests_are_cut(
    run: Run, requests: list[tuple[bytes, int]], cuts: list[int]
) -> None:
    stream = b"".join(request for request, _ in requests)

    async def exchange(*, has_lane: bool) -> tuple[list[tuple[int, bytes]], list[str | bytes]]:
        async with opened(has_lane=has_lane) as harness:
            protocol = harness.subscribe()
            client = await harness.connect()
            rest = stream
            for cut in cuts:
                client.send(rest[:cut])
                rest = rest[cut:]
                await asyncio.sleep(0.001)
            client.send(rest)
            responses = [await client.response() for _ in requests]
            return [(response.status, response.body) for response in responses], protocol.got

    async def test() -> None:
        ours = await exchange(has_lane=True)
        assert ours == await exchange(has_lane=False)
        assert [status for status, _ in ours[0]] == [status for _, status in requests]

    run(test)


def test_flood_of_publishes_gets_one_response_each(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            client.send(b"".join(post("/channel/a/", b"%d" % number) for number in range(500)))
            for _ in range(500):
                assert (await client.response()).headers["x-delivered"] == "1"
            assert protocol.got == [str(number) for number in range(500)]

    run(test)


# How the connection continues


def old(request: bytes) -> bytes:
    return request.replace(b"HTTP/1.1", b"HTTP/1.0", 1)


LAST = [
    pytest.param(post("/channel/a/", b"hi", Connection="close"), "close", id="asked to close"),
    pytest.param(post("/channel/a/", b"hi", Connection="Close"), "close", id="asked to Close"),
    pytest.param(old(post("/channel/a/", b"hi")), None, id="HTTP/1.0"),
    pytest.param(old(post("/channel/a/", b"hi", Host=None)), None, id="HTTP/1.0 without a host"),
]


@pytest.mark.parametrize(("request_", "connection"), LAST)
def test_connection_close_ends_the_connection_after_the_response(
    run: Run, variant: tuple[bool, int], request_: bytes, connection: str | None
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, request_ + post("/channel/a/", b"never"))
            check(response)
            assert response.status == 201
            assert response.headers.get("connection") == connection
            assert await client.end() == b""

    run(test)


def test_http_1_0_connection_may_be_persistent(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            client = await harness.connect(publishes=variant[1])
            for _ in range(3):
                response = await asked(client, old(post("/channel/a/", b"hi", Connection="keep-alive")))
                assert (response.status, response.headers["connection"]) == (201, "Keep-Alive")

    run(test)


def test_expect_100_continue_gets_100(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            for _ in range(3):
                client.send(post("/channel/a/", Content_Length="2", Expect="100-continue"))
                assert (await client.response()).status == 100
                client.send(b"hi")
                assert (await client.response()).status == 201
            assert protocol.got == ["hi"] * 3

    run(test)


TOO_LONG = [
    pytest.param(post("/channel/a/", Content_Length="1001", Expect="100-continue"), id="who asks before"),
    pytest.param(post("/channel/a/", Content_Length="16001"), id="a body that is not worth reading"),
    pytest.param(post("/channel/a/", Content_Length=str(10**30)), id="a body without an end"),
    pytest.param(post("/channel/a/", Content_Length="9" * 5_000), id="a length of 5,000 digits"),
    pytest.param(chunked("/channel/a/", *(b"x" * 1_000 for _ in range(17))), id="chunks without an end"),
]


@pytest.mark.parametrize("request_", TOO_LONG)
def test_far_too_long_body_is_rejected_unread_and_the_connection_ends(
    run: Run, variant: tuple[bool, int], request_: bytes
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], max_frame=1_000) as harness:
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, request_)
            check(response)
            assert (response.status, response.headers["connection"]) == (413, "close")
            assert await client.end() == b""

    run(test)


BROKEN = [
    pytest.param(post("/channel/a/", b"hi", Content_Length="2, 3"), id="two lengths"),
    pytest.param(post("/channel/a/", b"hi", Content_Length="x"), id="a length that is not a number"),
    pytest.param(post("/channel/a/", b"hi", Content_Length="+2"), id="a length with a sign"),
    pytest.param(
        post("/channel/a/", b"hi", Content_Length="2").replace(b"h: 2", b"h: \xb2"), id="a length that is ²"
    ),
    pytest.param(post("/channel/a/", b"hi", Transfer_Encoding="chunked"), id="a length and chunks"),
    pytest.param(post("/channel/a/", b"hi", Transfer_Encoding="gzip"), id="an encoding that nobody knows"),
    pytest.param(b"POST /channel/a/\r\n\r\n", id="half a first line"),
    pytest.param(post("/channel/a/", b"hi").replace(b"Host:", b"Host :"), id="a space before the colon"),
    pytest.param(post("/channel/a/", b"hi").replace(b"Host:", b" Host:"), id="a folded line"),
    pytest.param(post("/channel/a/", b"hi", X="a\0b"), id="a NUL in a header"),
    pytest.param(post("/channel/a b/", b"hi"), id="a space in the address"),
    pytest.param(b"\x16\x03\x01" + bytes(100) + b"\r\n\r\n", id="TLS"),
]


@pytest.mark.parametrize("request_", BROKEN)
def test_invalid_http_is_rejected_by_tornado_and_not_delivered(
    run: Run, variant: tuple[bool, int], request_: bytes
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            client.send(request_ + post("/channel/a/", b"smuggled"))
            assert (await client.end()).startswith(b"HTTP/1.1 400 ")
            assert protocol.got == []

    run(test)


HEADS = [
    pytest.param(post(f"/channel/a/?{'x' * 8_181}", b"hi"), 414, id="a target too long by one byte"),
    pytest.param(post(f"/broadcast?{'x' * 100_000}", b"hi"), 414, id="a target longer than a head"),
    pytest.param(post("/channel/a/", b"hi", **dict.fromkeys(map(str, range(99)), "")), 431, id="headers"),
    pytest.param(post("/channel/a/", b"hi", **dict.fromkeys(map(str, range(5_000)), "")), 431, id="many"),
    pytest.param(post("/channel/a/", b"hi", X="x" * 65_536), 431, id="a header too long"),
    pytest.param(post("/channel/a/", b"hi", X="x" * 900_000), 431, id="a header far too long"),
    pytest.param(post("channel/a/", b"hi"), 400, id="a target without a slash"),
    pytest.param(post("http:///channel/a/", b"hi"), 400, id="a target without a host"),
    pytest.param(post("http://bob:pw@localhost/channel/a/", b"hi"), 400, id="a target with a user"),
    pytest.param(post("http://localhost/channel/a/", b"hi", host="x"), 400, id="a target and two hosts"),
]


@pytest.mark.parametrize(("request_", "status"), HEADS)
def test_head_beyond_the_limits_is_rejected_with_a_reason(
    run: Run, variant: tuple[bool, int], request_: bytes, status: int
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            response = await asked(client, request_)
            assert response.status == status
            assert SCHEMA_SET.validator(SCHEMAS.get(status, "other-response"))(json.loads(response.body))
            assert response.headers["x-error"].endswith(".")
            assert protocol.got == []

    run(test)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(f"/channel/a/?{'x' * 300}", b"hi"), 414),
        (post("/channel/a/", b"hi", **dict.fromkeys(map(str, range(20)), "")), 431),
        (post("/channel/a/", b"hi", X="x" * 1_024), 431),
    ],
)
def test_limits_of_heads_are_settings(
    run: Run, variant: tuple[bool, int], request_: bytes, status: int
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], limits=HeadLimits(256, 16, 1_024)) as harness:
            client = await harness.connect(publishes=variant[1])
            assert (await asked(client, request_)).status == status

    run(test)


def test_all_paths_have_the_prefix(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], url_prefix="/api") as harness:
            protocol = harness.subscribe()
            client = await harness.connect()
            for _ in range(3):
                assert (await asked(client, post("/api/channel/a/", b"hi"))).status == 201
            assert (await asked(client, post("/api/broadcast/", b'{"a": [{"text": "all"}]}'))).status == 201
            assert (await asked(client, post("/channel/a/", b"hi"))).status == 404
            assert (await asked(client, post("/apichannel/a/", b"hi"))).status == 404
            assert (await asked(client, post("/api/hello", method="GET"))).body == b"hello"
            assert protocol.got == ["hi"] * 3 + ["all"]

    run(test)


def test_banned_address_is_rejected(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            client = await harness.connect(publishes=variant[1])
            harness.hub.access.ban("127.0.0.0/8")
            for _ in range(2):
                response = await asked(client, post("/channel/a/", b"hi"))
                check(response)
                assert (response.status, response.body) == (403, b'"Not authorized"')

    run(test)


def test_repeated_idempotency_key_delivers_once(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=variant[1])
            for _ in range(3):
                response = await asked(client, post("/channel/a/", b"once", Idempotency_Key="k"))
                assert (response.status, response.headers["x-delivered"]) == (201, "1")
            assert protocol.got == ["once"]

    run(test)


def test_tls_publishers_stay_with_tornado(run: Run) -> None:
    async def test() -> None:
        async with opened(has_tls=True) as harness:
            protocol = harness.subscribe()
            client = await harness.connect(publishes=3)
            assert (await asked(client, post("/channel/a/", b"hi"))).status == 201
            assert protocol.got == ["hi"]
            assert not harness.group.connections

    run(test)


def test_connection_with_a_single_publish_stays_with_tornado(run: Run) -> None:
    async def test() -> None:
        async with opened() as harness:
            await harness.connect(publishes=1)
            assert not harness.group.connections
            await harness.connect(publishes=2)
            assert len(harness.group.connections) == 1

    run(test)


def test_connections_stay_with_tornado_during_a_shutdown(run: Run) -> None:
    async def test() -> None:
        async with opened() as harness:
            harness.group.is_closing = True
            client = await harness.connect(publishes=3)
            assert (await asked(client, post("/channel/a/", b"hi"))).status == 201
            assert not harness.group.connections

    run(test)


# Storage


class SlowStore(MemoryStore):
    """A store for publications; the test completes each commit."""

    def __init__(self) -> None:
        super().__init__(channel_history=100)
        self.commits: list[asyncio.Future[None]] = []

    def append(self, key: str, record: StoredRecord) -> asyncio.Future[None] | None:  # type: ignore[override]
        super().append(key, record)
        if isinstance(record, JoinRecord):
            return None
        self.commits.append(asyncio.get_running_loop().create_future())
        return self.commits[-1]

    async def until(self, count: int) -> None:
        """Wait until *count* commits are pending."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.commits) < count:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)


async def warm(harness: PublishingServer, store: SlowStore, publishes: int) -> RawClient:
    """Return a client whose *publishes* publications are all stored."""
    client = await harness.connect()
    for number in range(publishes):
        client.send(post("/channel/warm-up/", b"hi"))
        await store.until(number + 1)
        store.commits[number].set_result(None)
        assert (await client.response()).status == 201
    return client


async def receives_nothing(client: RawClient) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.reader.readexactly(1)


def test_201_waits_until_the_publication_is_stored(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(has_lane=variant[0], store=store) as harness:
            protocol = harness.subscribe()
            client = await warm(harness, store, variant[1])
            client.send(post("/channel/a/", b"hi"))
            await store.until(variant[1] + 1)
            assert protocol.got == ["hi"]
            await receives_nothing(client)
            store.commits[-1].set_result(None)
            assert (await client.response()).status == 201

    run(test)


def test_201_of_a_broadcast_waits_until_all_of_it_is_stored(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(has_lane=variant[0], store=store) as harness:
            client = await warm(harness, store, variant[1])
            client.send(post("/broadcast/", b'{"a": [{"text": "1"}, {"text": "2"}]}'))
            await store.until(variant[1] + 2)
            store.commits[-1].set_result(None)
            await receives_nothing(client)
            store.commits[-2].set_result(None)
            assert (await client.response()).status == 201

    run(test)


def test_failed_commit_gets_503(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(has_lane=variant[0], store=store) as harness:
            client = await warm(harness, store, variant[1])
            client.send(post("/channel/a/", b"hi"))
            await store.until(variant[1] + 1)
            store.commits[-1].set_exception(OSError("no space left on device"))
            response = await client.response()
            check(response)
            assert (response.status, response.body) == (503, b'"Unavailable"')
            client.send(post("/channel/a/", b"again"))
            await store.until(variant[1] + 2)
            store.commits[-1].set_result(None)
            assert (await client.response()).status == 201

    run(test)


def test_responses_keep_their_order_while_one_waits(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(has_lane=variant[0], store=store) as harness:
            client = await warm(harness, store, variant[1])
            client.send(
                post("/channel/a/", b"1") + post("/channel/a/", b"\xff") + post("/hello", method="GET")
            )
            await store.until(variant[1] + 1)
            client.send(post("/channel/a/", b"2"))
            await receives_nothing(client)
            store.commits[-1].set_result(None)
            assert [(await client.response()).status for _ in range(3)] == [201, 400, 200]
            await store.until(variant[1] + 2)
            store.commits[-1].set_result(None)
            assert (await client.response()).status == 201

    run(test)


def test_publisher_may_have_many_publications_pending(run: Run) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(store=store) as harness:
            client = await warm(harness, store, 2)
            client.send(post("/channel/a/", b"hi") * 10)
            await store.until(12)
            for commit in reversed(store.commits[2:]):
                commit.set_result(None)
            assert [(await client.response()).status for _ in range(10)] == [201] * 10

    run(test)


def test_client_that_disconnects_before_its_response_leaves_no_state(
    run: Run, variant: tuple[bool, int]
) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(has_lane=variant[0], store=store) as harness:
            client = await warm(harness, store, variant[1])
            client.send(post("/channel/a/", b"hi"))
            await store.until(variant[1] + 1)
            client.reset()
            await asyncio.sleep(0.01)
            store.commits[-1].set_result(None)
            await asyncio.sleep(0.01)
            assert not harness.group.connections

    run(test)


@pytest.mark.parametrize("last", [b"", post("/hello", method="GET")], ids=["nothing more", "something else"])
def test_half_closed_publisher_receives_its_responses(run: Run, last: bytes) -> None:
    async def test() -> None:
        store = SlowStore()
        async with opened(store=store) as harness:
            client = await warm(harness, store, 2)
            client.send(2 * post("/channel/a/", b"hi") + last)
            client.writer.write_eof()
            await store.until(4)
            await receives_nothing(client)
            for commit in store.commits[2:]:
                commit.set_result(None)
            responses = await client.end()
            assert responses.count(b"HTTP/1.1 201 Created") == 2
            assert responses.endswith(b"hello") == bool(last)
            await asyncio.sleep(0.01)
            assert not harness.group.connections

    run(test)


def test_half_closed_slow_publisher_receives_its_responses(
    run: Run,
) -> None:
    async def test() -> None:
        async with opened() as harness:
            client = await harness.connect(publishes=2)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            sent = 0
            (publishing,) = harness.group.connections
            async with asyncio.timeout(PATIENCE_SECONDS):
                while publishing.is_empty:
                    client.send(post("/channel/a/", b"hi") * 100)
                    sent += 100
                    await asyncio.sleep(0)
            client.writer.write_eof()
            await asyncio.sleep(0.05)
            assert harness.group.connections
            client.reader._transport.resume_reading()  # type: ignore[attr-defined]
            assert (await client.end()).count(b"HTTP/1.1 201 Created") == sent
            assert not harness.group.connections

    run(test)


def test_publisher_that_sends_endlessly_while_responses_wait_is_disconnected(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(publish_connection, "UNREAD_BYTES", 10_000)
        store = SlowStore()
        async with opened(store=store) as harness:
            client = await warm(harness, store, 2)
            client.send(post("/channel/a/", b"hi") + post("/echo", b"x" * 20_000))
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.response()
            assert not harness.group.connections
            store.commits[-1].set_result(None)

    run(test)


# Errors


class BrokenStore(MemoryStore):
    def append(self, key: str, record: StoredRecord) -> NoReturn:
        raise RuntimeError("a bug")


def test_unexpected_exception_is_logged_once_and_gets_500(
    run: Run, log: Log, variant: tuple[bool, int]
) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0], store=BrokenStore()) as harness:
            client = await harness.connect()
            for _ in range(3):
                response = await asked(client, post("/channel/a/", b"hi"))
                check(response)
                assert (response.status, response.body) == (500, b'"Internal error"')
                assert log.taken() == ["a publish failed"]

    run(test)


def test_unexpected_exception_while_reading_is_logged_and_ends_the_connection(
    run: Run, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with opened() as harness:
            client = await harness.connect(publishes=2)
            monkeypatch.setattr(publish_connection.PublishParser, "feed", lambda *_: 1 / 0)
            client.send(post("/channel/a/", b"hi"))
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.response()
            assert log.taken() == ["a connection failed and is closed"]

    run(test)


def test_publisher_that_reads_no_responses_is_disconnected(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.05)
        async with opened(max_outbox=1_000) as harness:
            client = await harness.connect(publishes=2)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while harness.group.connections:
                    client.send(post("/channel/a/", b"hi") * 100)
                    await asyncio.sleep(0)

    run(test)


def test_slow_publisher_receives_all_responses_before_returning_to_tornado(run: Run) -> None:
    async def test() -> None:
        async with opened() as harness:
            client = await harness.connect(publishes=2)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            sent = 0
            (publishing,) = harness.group.connections
            async with asyncio.timeout(PATIENCE_SECONDS):
                while publishing.is_empty:
                    client.send(post("/channel/a/", b"hi") * 100)
                    sent += 100
                    await asyncio.sleep(0)
            client.send(post("/hello", method="GET"))
            await asyncio.sleep(0.05)
            assert harness.group.connections
            client.reader._transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(sent):
                assert (await client.response()).status == 201
            assert (await client.response()).body == b"hello"

    run(test)


def test_publisher_that_never_reads_is_not_read_either_until_it_does(run: Run) -> None:
    async def test() -> None:
        async with opened() as harness:
            client = await harness.connect(publishes=2)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            (publishing,) = harness.group.connections
            async with asyncio.timeout(PATIENCE_SECONDS):
                sent = 0
                while not publishing.is_paused or publishing.is_empty:
                    client.send(post("/channel/a/", b"hi") * 100)
                    sent += 100
                    await asyncio.sleep(0)
            client.reader._transport.resume_reading()  # type: ignore[attr-defined]
            async with asyncio.timeout(PATIENCE_SECONDS):
                for _ in range(sent):
                    assert (await client.response()).status == 201

    run(test)


@pytest.mark.parametrize("way_to_end", ["silence", "half a close"])
def test_stalled_publisher_is_disconnected_after_the_timeout(
    run: Run, monkeypatch: pytest.MonkeyPatch, way_to_end: str
) -> None:
    async def test() -> None:
        monkeypatch.setattr(publish_connection, "IDLE_SECONDS", 0.5)
        async with opened() as harness:
            client = await harness.connect(publishes=2)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            (publishing,) = harness.group.connections
            async with asyncio.timeout(PATIENCE_SECONDS):
                while publishing.is_empty:
                    client.send(post("/channel/a/", b"hi") * 100)
                    await asyncio.sleep(0)
                if way_to_end == "half a close":
                    client.writer.write_eof()
                while harness.group.connections:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.01)

    run(test)


def test_idle_publisher_is_disconnected(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(publish_connection, "IDLE_SECONDS", 0.4)
        async with opened() as harness:
            client, gone = await harness.connect(publishes=2), await harness.connect(publishes=2)
            gone.reset()
            for _ in range(4):
                await asyncio.sleep(0.15)
                assert (await asked(client, post("/channel/a/", b"hi"))).status == 201
            assert len(harness.group.connections) == 1
            assert await client.end() == b""
            assert not harness.group.connections

    run(test)


def test_closed_connection_is_removed(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            client = await harness.connect(publishes=variant[1])
            client.send(post("/channel/a/", b"hi")[:-1])
            client.writer.write_eof()
            assert await client.end() == b""
            assert not harness.group.connections

    run(test)


def test_closed_connections_leave_no_references(run: Run, variant: tuple[bool, int]) -> None:
    async def test() -> None:
        async with opened(has_lane=variant[0]) as harness:
            for _ in range(5):
                await (await harness.connect(publishes=variant[1])).leave()
            await asyncio.sleep(0.01)
            gc.collect()
            assert len(harness.frontend._known) == 0
            assert not harness.http._connections

    run(test)


def test_publishers_are_disconnected_when_the_server_closes(run: Run) -> None:
    async def test() -> None:
        async with opened() as harness:
            client = await harness.connect(publishes=2)
            await asyncio.gather(harness.group.close(1001, "", within_seconds=5), client.end())
            assert not harness.group.connections

    run(test)


def test_log_has_each_publish_and_no_password(
    run: Run, caplog: pytest.LogCaptureFixture, variant: tuple[bool, int]
) -> None:
    async def test() -> None:
        caplog.set_level(logging.DEBUG, "chateau")
        async with opened(has_lane=variant[0], password="swordfish") as harness:
            client = await harness.connect(publishes=variant[1])
            caplog.clear()
            await asked(client, post("/channel/a/?pwd=swordfish", b"hi"))
            (line,) = [record.getMessage() for record in caplog.records]
            assert line.startswith("201 POST /channel/a/")
            assert "swordfish" not in line

    run(test)
