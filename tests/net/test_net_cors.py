"""CORS: what pages of allowed origins may send to channels and specifications, and read of the responses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from chateau.net.log_limits import KEYS, LogLimit, shown
from chateau.net.origin_policy import OriginPolicy

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer
    from raw_client import RawClient, Response

pytestmark = pytest.mark.gen_test

PAGE = "https://example.org"
ALLOW_ORIGIN = "access-control-allow-origin"

COVERED = {
    "/channel/news/": "GET, HEAD, POST",
    "/channel/news": "GET, HEAD, POST",
    "/broadcast/": "POST",
    "/broadcast": "POST",
    "/openapi.json": "GET, HEAD",
    "/asyncapi.json": "GET, HEAD",
    "/schemas/": "GET, HEAD",
    "/schemas/chateau/register-request.json": "GET, HEAD",
}


async def preflight(client: RawClient, path: str, origin: str = PAGE, **headers: str) -> Response:
    """Return the response to the question whether a page of *origin* may send a POST with *headers*."""
    asked = {"Origin": origin, "Access_Control_Request_Method": "POST"} | headers
    client.send(client.request(path, **asked).replace(b"GET", b"OPTIONS", 1))
    return await client.response()


async def posted(client: RawClient, path: str, body: bytes = b"hi", **headers: str) -> Response:
    request = client.request(path, Content_Length=str(len(body)), **headers)
    client.send(request.replace(b"GET", b"POST", 1) + body)
    return await client.response()


def allowing_page(open_server: OpenServer) -> LiveServer:
    return open_server(allow_origin=("https://Example.org:443/",), pwd="swordfish")


def check_readable(response: Response, origin: str = PAGE) -> None:
    """Check that a page of *origin* can read *response* and its headers."""
    headers = response.headers
    assert headers[ALLOW_ORIGIN] == origin
    assert headers["vary"] == "Origin"
    exposed = headers["access-control-expose-headers"].split(", ")
    assert exposed == ["Allow", "Retry-After", "X-Delivered", "X-Error"]
    assert "access-control-allow-credentials" not in headers


# Preflights


@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_preflight_allows_the_documented_methods_and_headers(
    open_server: OpenServer, prefix: str
) -> None:
    client = await open_server(allow_origin=(PAGE,), url_prefix=prefix).connect()

    for path, methods in COVERED.items():
        response = await preflight(client, prefix + path)
        assert (response.status, response.body) == (204, b"")
        assert "content-length" not in response.headers
        check_readable(response)
        assert response.headers["access-control-allow-methods"] == methods
        assert response.headers["access-control-max-age"] == "600"
        allowed = response.headers["access-control-allow-headers"].lower().split(", ")
        for name in ("authorization", "content-type", "idempotency-key", "last-event-id", "package-type"):
            assert name in allowed


async def test_preflight_of_another_origin_gets_403_and_the_flag(open_server: OpenServer) -> None:
    response = await preflight(
        await allowing_page(open_server).connect(), "/channel/news/", "https://evil.example"
    )

    assert response.status == 403
    assert b"--allow-origin https://evil.example would allow it" in response.body
    assert ALLOW_ORIGIN not in response.headers
    assert response.headers["vary"] == "Origin"


async def test_preflight_of_a_private_network_is_allowed(open_server: OpenServer) -> None:
    client = await allowing_page(open_server).connect()

    asked = await preflight(client, "/channel/news/", Access_Control_Request_Private_Network="true")
    other = await preflight(client, "/channel/news/")

    assert asked.headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-private-network" not in other.headers


async def test_other_paths_have_no_preflights(open_server: OpenServer) -> None:
    harness = allowing_page(open_server)

    for path in ("/", "/docs/", "/admin/ban", "/renderings", "/ws", "/nothing"):
        response = await preflight(await harness.connect(), path)
        assert ALLOW_ORIGIN not in response.headers, path
        assert response.status != 204 or "allow" in response.headers


# Responses


async def test_publish_of_a_page_is_readable_on_every_kind_of_connection(open_server: OpenServer) -> None:
    client = await allowing_page(open_server).connect()
    for _ in range(4):  # the later ones on a publish connection
        response = await posted(client, "/channel/news/?pwd=swordfish", Origin=PAGE)
        assert (response.status, response.headers["x-delivered"]) == (201, "0")
        check_readable(response)
        assert (await posted(client, "/broadcast/?pwd=swordfish", b"{}", Origin=PAGE)).status == 201


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/channel/news/", b"hi", {}, 403),
        ("/channel/news/?pwd=swordfish", b"\xff", {}, 400),
        ("/channel/news/?pwd=swordfish", b"{", {"Package_Type": "json"}, 400),
        ("/channel/%FF/?pwd=swordfish", b"hi", {}, 400),
        ("/broadcast/?pwd=swordfish", b"[]", {}, 400),
        ("/channel/news/?pwd=swordfish", b"x" * 5_000, {}, 413),
        ("/channel/a/b/", b"hi", {}, 404),
        ("/schemas/", b"hi", {}, 405),
        ("/openapi.json", b"hi", {}, 405),
    ],
)
async def test_errors_are_readable(
    open_server: OpenServer, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    harness = open_server(allow_origin=(PAGE,), pwd="swordfish", max_frame=4096)
    client = await harness.connect()
    right = posted(client, "/channel/news/?pwd=swordfish", Origin=PAGE)
    assert (await right).status == 201

    for _ in range(2):
        response = await posted(client, path, body, Origin=PAGE, **headers)
        assert response.status == status
        check_readable(response)


async def test_wrong_method_and_a_body_that_is_not_read_are_readable(open_server: OpenServer) -> None:
    client = await allowing_page(open_server).connect()

    check_readable(await client.get("/broadcast/", Origin=PAGE))
    check_readable(await client.get("/channel/news/", Origin=PAGE, Accept="text/html"))  # 426
    client.send(
        client.request("/channel/x/", Origin=PAGE, Content_Length="99999999").replace(b"GET", b"POST")
    )
    response = await client.response()
    assert response.status == 413
    check_readable(response)


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json", "/schemas/", "/schemas/message.json"])
async def test_specifications_are_readable(open_server: OpenServer, path: str) -> None:
    client = await allowing_page(open_server).connect()

    check_readable(await client.get(path, Origin=PAGE))
    other = await client.get(path, Origin="https://evil.example")
    assert ALLOW_ORIGIN not in other.headers
    assert other.headers["vary"] == "Origin"
    assert (await client.get(path)).headers["vary"] == "Origin"  # a cache must not mix them


async def test_event_stream_is_readable(open_server: OpenServer) -> None:
    client = await allowing_page(open_server).connect()

    response = await client.get("/channel/news/", Accept="text/event-stream", Origin=PAGE)

    assert response.status == 200
    check_readable(response)


async def test_any_origin_may_read_with_a_star(open_server: OpenServer) -> None:
    client = await open_server(allow_origin=("*",)).connect()

    for origin in ("null", "file://", "https://anything.example", "chrome-extension://abc"):
        check_readable(await posted(client, "/channel/news/", Origin=origin), origin)
    check_readable(await posted(client, "/channel/news/", Origin="a\tb"), "*")


async def test_response_without_an_origin_is_unchanged(open_server: OpenServer) -> None:
    response = await posted(await allowing_page(open_server).connect(), "/channel/news/?pwd=swordfish")

    assert not [name for name in response.headers if name.startswith("access-control") or name == "vary"]


# The policy


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("https://example.org", "HTTPS://EXAMPLE.ORG"),
        ("https://example.org", "https://example.org:443"),
        ("https://example.org", "https://example.org/"),
        ("https://xn--bcher-kva.example", "https://bücher.example"),
        ("http://[::1]:8888", "http://[0:0:0:0:0:0:0:1]:8888"),
        ("file://", "file:///"),
        ("null", "null"),
    ],
)
def test_origins_are_compared_normalized(allowed: str, origin: str) -> None:
    assert OriginPolicy((allowed,)).allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://example.org",
        "https://example.org:8443",
        "https://example.org.evil.example",
        "",
        "null",
        "file://",
    ],
)
def test_other_origins_are_not_allowed(origin: str) -> None:
    assert not OriginPolicy(("https://example.org",)).allows(origin)
    assert not OriginPolicy(("https://example.org",)).allows(f"{origin},https://example.org")


@pytest.mark.parametrize(
    ("site", "origin", "is_rejected"),
    [
        (None, None, False),
        ("same-origin", None, False),
        ("none", None, False),
        ("same-origin", "https://proxied.example", False),
        ("cross-site", None, True),
        ("same-site", None, True),
        ("cross-site", "https://example.org", False),
        ("cross-site", "http://localhost:8888", True),
        (None, "http://localhost:8888", False),
        (None, "http://LOCALHOST:8888", False),
        (None, "http://localhost", True),
        (None, "x" * 100_000, True),
    ],
)
def test_requests_of_pages_are_rejected_by_site_and_origin(
    site: str | None, origin: str | None, is_rejected: bool
) -> None:
    headers = {"host": "localhost:8888"}
    headers |= {} if site is None else {"sec-fetch-site": site}
    headers |= {} if origin is None else {"origin": origin}

    assert (OriginPolicy(("https://example.org",)).rejection(headers) is not None) is is_rejected


def test_rejections_are_logged_once_a_minute_and_origin(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seconds = 0.0
    policy = OriginPolicy(clock=lambda: seconds)

    def reject(*origins: str) -> list[str]:
        caplog.clear()
        for origin in origins:
            assert policy.rejection({"origin": origin, "host": "localhost"}) is not None
        return [each.getMessage() for each in caplog.records]

    first = reject("https://a.example", "https://A.example:443", "https://a.example", "null", "\x1b[31m")
    assert first == [
        "a page of the origin https://a.example is refused; --allow-origin https://a.example would allow it",
        "a page of the origin null is refused; --allow-origin null would allow it",
        "a page of the origin * is refused; --allow-origin * would allow it",
    ]
    seconds = 59.9
    assert reject("https://a.example", "null") == []
    seconds = 60.0
    assert len(reject("https://a.example", "null", "null")) == 2


def test_number_of_log_lines_is_bounded() -> None:
    limit = LogLimit(clock=lambda: 0.0)

    assert sum(limit.allows(str(number)) for number in range(10_000)) == KEYS


def test_shown_text_is_printable_and_short() -> None:
    assert shown("a\x1b[31m\r\n\x80") == "a\\x1b[31m\\r\\n\\x80"
    assert len(shown("x" * 10_000)) == 300
