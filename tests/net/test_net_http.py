"""HTTP as tools expect it: methods, targets, heads, final slashes, health checks and subprotocols.

Publishes are in test_net_publishing, event streams in test_net_event_streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING

import pytest
from live_harness import TRANSPORTS
from raw_client import PATIENCE_SECONDS, RawClient, Response

from chateau.hub.errors import Unavailable
from chateau.net import http_server
from chateau.net.accept import SUBPROTOCOL

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)

KEY = "swordfish"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}

every_transport = pytest.mark.parametrize("transport", TRANSPORTS, indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    """One transport, unless a test sets others."""
    name: str = getattr(request, "param", "fast")
    return name


def request(client: RawClient, method: str, target: str, **headers: str) -> bytes:
    """Return a request of *client*."""
    return client.request(target, **headers).replace(b"GET", method.encode(), 1)


async def asked(harness: LiveServer, method: str, target: str, **headers: str) -> Response:
    """Return the response to one request."""
    client = await harness.connect()
    client.send(request(client, method, target, **headers))
    return await client.response()


async def head_of(harness: LiveServer, target: str, **headers: str) -> Response:
    """Return the response to HEAD; no body may come before the next response."""
    client = await harness.connect()
    client.send(request(client, "HEAD", target, **headers) + request(client, "OPTIONS", "*"))
    head = (await client.reader.readuntil(b"\r\n\r\n")).decode().strip()
    status, *lines = head.split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    assert (await client.response()).status == 204
    return Response(int(status.split()[1]), {name.lower(): value for name, value in pairs}, b"")


# Methods

PAGES = [
    "/", "/console/admin", "/docs/", "/docs/lines", "/docs", "/llms.txt", "/openapi.json", "/asyncapi.json",
    "/schemas/", "/schemas/chateau/join-request.json", "/healthz", "/readyz", "/admin/rooms", "/nowhere",
    "/ws",
]  # fmt: skip
PER_REQUEST = ("date", "content-security-policy")


@pytest.mark.parametrize("path", PAGES)
async def test_head_has_the_head_of_get(open_server: OpenServer, path: str) -> None:
    harness = open_server(secret_key=KEY)

    expected = await asked(harness, "GET", path, **AUTHORIZED)
    response = await head_of(harness, path, **AUTHORIZED)

    assert response.status == expected.status
    for name in response.headers.keys() | expected.headers.keys():
        if name not in PER_REQUEST:
            assert response.headers[name] == expected.headers[name], name


@every_transport
async def test_head_of_an_admin_stream_has_no_length(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY)

    response = await head_of(harness, "/admin/live", **AUTHORIZED)

    assert response.status == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert "content-length" not in response.headers
    assert not harness.server.admin.live._subscribers


GET, POST = "GET, HEAD, OPTIONS", "OPTIONS, POST"
METHODS = {
    "/": GET, "/ws": GET, "/functions": GET, "/opcodes/": GET, "/channel/news": f"{GET}, POST",
    "/channel/news/": f"{GET}, POST", "/broadcast": POST, "/broadcast/": POST, "/renderings": POST,
    "/openapi.json": GET, "/schemas": GET, "/docs/": GET, "/llms.txt": GET, "/healthz": GET, "/readyz": GET,
    "/console/admin": GET, "/admin/rooms": GET, "/admin/live": GET, "/admin/kick": POST, "*": f"{GET}, POST",
}  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "/chat"])
@pytest.mark.parametrize(("path", "allow"), METHODS.items())
async def test_options_lists_the_methods(open_server: OpenServer, prefix: str, path: str, allow: str) -> None:
    harness = open_server(secret_key=KEY, url_prefix=prefix)

    response = await asked(harness, "OPTIONS", path if path == "*" else prefix + path)

    assert response.status == 204
    assert response.headers["allow"] == allow
    assert "content-length" not in response.headers
    assert "content-type" not in response.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST", "GET", "BREW", "TRACE", "HEAD"])
@pytest.mark.parametrize(("path", "allow"), [item for item in METHODS.items() if item[0] != "*"])
async def test_every_405_lists_the_methods(
    open_server: OpenServer, method: str, path: str, allow: str
) -> None:
    if method in allow.split(", "):
        return
    harness = open_server(secret_key=KEY)
    headers = {"Content_Length": "0"} | AUTHORIZED

    response = await (
        head_of(harness, path, **headers) if method == "HEAD" else asked(harness, method, path, **headers)
    )

    assert response.status == 405
    assert response.headers["allow"] == allow


async def test_405_of_a_broadcast_has_the_format_of_a_publish(harness: LiveServer) -> None:
    response = await asked(harness, "PUT", "/broadcast/", Content_Length="0")

    assert json.loads(response.body) == "Method not allowed"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-error"] == "This address takes the method POST."


@pytest.mark.parametrize(
    ("method", "target"), [("CONNECT", "localhost:443"), ("CONNECT", "*"), ("BREW", "/ws")]
)
async def test_unknown_methods_get_405(harness: LiveServer, method: str, target: str) -> None:
    response = await asked(harness, method, target)

    assert response.status == 405
    assert "GET" in response.headers["allow"]


async def test_head_and_options_do_not_upgrade(harness: LiveServer) -> None:
    for method, status in (("HEAD", 426), ("OPTIONS", 204)):
        for path in ("/ws", "/", "/channel/news"):
            client = await harness.connect(path=path)
            client.send(client.handshake_request().replace(b"GET", method.encode(), 1))
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert int(head.split()[1]) == status
    assert harness.connections == 0


@every_transport
async def test_long_body_is_refused_where_none_is_expected(harness: LiveServer) -> None:
    for head in (
        "PUT /ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
        "POST /docs/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    ):
        client = await harness.connect()
        client.send(head.encode() + b"x" * 1_000)

        response = await client.response()

        assert response.status == 413
        assert response.headers["x-error"] == "A body may have 65536 bytes here."


# Targets and heads


@pytest.mark.parametrize(
    "target",
    ["http://localhost/healthz", "HTTPS://[::1]:8888/healthz/", "http://example.org:/healthz?x=http://y/#z"],
)
async def test_absolute_target_is_served(harness: LiveServer, target: str) -> None:
    assert (await asked(harness, "GET", target)).status == 200


async def test_absolute_target_without_a_path_is_the_root(harness: LiveServer) -> None:
    for target in ("http://localhost", "http://localhost?x=1"):
        assert (await asked(harness, "GET", target)).headers["content-type"].startswith("text/html")


async def test_host_of_an_absolute_target_counts(open_server: OpenServer) -> None:
    """RFC 9112, section 3.2.2: the header Host must be ignored."""
    harness = open_server(allow_host=("chat.example.org",))
    response = await asked(harness, "GET", "http://chat.example.org:81/openapi.json", Host="other")

    assert json.loads(response.body)["servers"][0]["url"].endswith("://chat.example.org:81")


@every_transport
async def test_websocket_may_have_an_absolute_target(harness: LiveServer) -> None:
    client = await harness.connect(path=f"http://localhost:{harness.port}/ws")

    await (await client.upgrade()).enter("alice")


INVALID = [
    "GET healthz HTTP/1.1", "GET * HTTP/1.1", "GET http:///healthz HTTP/1.1", "GET ftp://x/healthz HTTP/1.1",
    "GET http://a@b/healthz HTTP/1.1", "GET /healthz HTTP/2.0", "GET /healthz", "GET  /healthz HTTP/1.1",
    "GET /healthz http/1.1", "G(T /healthz HTTP/1.1",
]  # fmt: skip
HEADERS = [
    "Host: localhost\r\nHost: x",
    "X: y",
    "Host: a b",
    "Host: x\r\n folded",
    "Host: x\r\nno colon",
    "Ho st: x",
]


@pytest.mark.parametrize("line", INVALID)
async def test_invalid_first_line_gets_400_with_a_reason(harness: LiveServer, line: str) -> None:
    client = await harness.connect()
    client.send(f"{line}\r\nHost: localhost\r\n\r\n".encode())

    await check_rejection(client, 400)


@pytest.mark.parametrize("headers", HEADERS)
async def test_invalid_headers_get_400_with_a_reason(harness: LiveServer, headers: str) -> None:
    client = await harness.connect()
    client.send(f"GET /healthz HTTP/1.1\r\n{headers}\r\n\r\n".encode())

    await check_rejection(client, 400)


@every_transport
@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/healthz?" + "x" * 8_183, {}, 200),
        ("/healthz?" + "x" * 8_184, {}, 414),
        ("http://localhost/healthz?" + "x" * 8_184, {}, 414),
        ("/ws?" + "x" * 70_000, {}, 414),
        ("/" + "x" * 3_000_000, {}, 414),
        ("/healthz", {str(number): "x" for number in range(99)}, 200),
        ("/healthz", {str(number): "x" for number in range(100)}, 431),
        ("/healthz", {str(number): "" for number in range(10_000)}, 431),
        ("/healthz", {"Cookie": "x" * 65_000}, 200),
        ("/healthz", {"Cookie": "x" * 65_536}, 431),
        ("/admin/rooms", {"Cookie": "x" * 3_000_000}, 431),
    ],
    ids=str,
)
async def test_heads_have_limits(
    harness: LiveServer, target: str, headers: dict[str, str], status: int
) -> None:
    client = await harness.connect()
    client.send(client.request(target, **headers))

    if status == 200:
        assert (await client.response()).status == 200
    else:
        await check_rejection(client, status)


async def check_rejection(client: RawClient, status: int) -> None:
    """Check that the next response has *status* and a reason, and is the last one."""
    response = await client.response()
    assert response.status == status
    assert response.headers["x-error"].endswith(".")
    assert response.headers["connection"] == "close"
    assert isinstance(json.loads(response.body), str)
    if client.writer.get_extra_info("ssl_object") is None:
        assert await client.end() == b""


@every_transport
async def test_head_without_an_end_is_rejected_at_its_limit(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 11_000)

    await check_rejection(client, 431)


@every_transport
async def test_head_may_arrive_byte_by_byte(harness: LiveServer) -> None:
    client = await harness.connect()
    for request_ in (
        b"\r\n" + client.request("/healthz"),
        client.request("/healthz").replace(b"\r\n", b"\n"),
    ):
        for byte in request_:
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.response()).status == 200


@every_transport
async def test_requests_of_all_kinds_may_be_pipelined(harness: LiveServer) -> None:
    client = await harness.connect()
    body = b'{"type": 9}'
    post = request(client, "POST", "/renderings", Content_Length=str(len(body))) + body
    publish = request(client, "POST", "/channel/a", Content_Length="2") + b"hi"
    client.send((client.request("/healthz") + post + publish) * 20 + client.request("/readyz"))

    statuses = [(await client.response()).status for _ in range(61)]

    assert statuses == [200, 200, 201] * 20 + [200]


@every_transport
async def test_rejected_client_that_never_stops_is_disconnected(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "LINGER_SECONDS", 0.2)
    client = await harness.connect()
    client.writer.transport.set_write_buffer_limits(high=65_536)
    ended = asyncio.create_task(client.reader.read())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not client.writer.is_closing():
            client.send(b"x" * 65_536)
            await asyncio.sleep(0.001)
    with contextlib.suppress(ConnectionError):
        assert (await ended).startswith(b"HTTP/1.1 4")


# Final slashes


@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_final_slash_is_optional(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(secret_key=KEY, url_prefix=prefix)
    for path in PAGES[1:]:
        bare = path.removesuffix("/")
        for with_and_without in (bare, f"{bare}/"):
            response = await asked(harness, "GET", prefix + with_and_without, **AUTHORIZED)
            if response.status == 302:  # the links of a page of the reference are relative
                assert bare.startswith("/docs")
                response = await asked(harness, "GET", response.headers["location"])
            expected = {"/nowhere": 404, "/ws": 426}.get(path, 200)
            assert response.status == expected, with_and_without
    for path in ("/ws/", "/functions/", "/opcodes/", "/", "/channel/news", "/channel/news/"):
        await harness.client(path=prefix + path)


async def test_prefix_alone_is_the_root(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/chat")

    for path in ("/chat", "/chat/"):
        assert (await asked(harness, "GET", path)).headers["content-type"].startswith("text/html")
        await harness.client(path=path)


# Health


@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_server_is_alive_and_ready(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix, pwd=KEY, secret_key=KEY)

    for path, expected in (
        ("/healthz", {"status": "alive"}),
        ("/readyz", {"status": "ready", "reasons": []}),
    ):
        response = await asked(harness, "GET", prefix + path, If_None_Match="*")
        assert response.status == 200
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        assert json.loads(response.body) == expected


async def test_draining_server_is_alive_and_not_ready(harness: LiveServer) -> None:
    client = await harness.connect()
    assert (await client.get("/readyz")).status == 200

    harness.server.stop("an update")

    response = await client.get("/readyz")
    assert response.status == 503
    reasons = ["The server is shutting down."]
    assert json.loads(response.body) == {"status": "not ready", "reasons": reasons}
    assert (await client.get("/healthz")).status == 200


async def test_server_whose_store_refuses_writes_is_not_ready(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = str(Unavailable("Messages cannot be stored right now; try again later."))
    monkeypatch.setattr(harness.server.store, "why_read_only", lambda: reason)

    response = await asked(harness, "GET", "/readyz")

    assert response.status == 503
    assert json.loads(response.body)["reasons"] == [reason]


# Subprotocols


@every_transport
@pytest.mark.parametrize("path", ["/ws", "/", "/functions", "/opcodes", "/channel/news"])
@pytest.mark.parametrize("offered", [SUBPROTOCOL, f"soap, {SUBPROTOCOL}", f"{SUBPROTOCOL},mqtt"])
async def test_our_subprotocol_is_accepted(harness: LiveServer, path: str, offered: str) -> None:
    client = await harness.connect(path=path)
    client.send(client.handshake_request(Sec_WebSocket_Protocol=offered))

    response = await client.response()

    assert response.status == 101
    assert response.headers["sec-websocket-protocol"] == "chateau.v1"


@pytest.mark.parametrize(
    "offered", ["soap", "Chateau.V1", "chateau.v2, soap", "x" * 5_000, "\u009b31m", ",", "chateau"]
)
async def test_other_subprotocols_are_logged_and_not_accepted(
    harness: LiveServer, offered: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = await harness.connect()
    client.send(client.handshake_request(Sec_WebSocket_Protocol=offered).decode().encode("latin-1"))

    response = await client.response()

    (line,) = [record.getMessage() for record in caplog.records if "subprotocol" in record.getMessage()]
    assert response.status == 101
    assert "sec-websocket-protocol" not in response.headers
    assert "1006" in line
    assert "chateau.v1" in line
    assert line.isprintable()
    assert len(line) < 250


async def test_client_without_subprotocols_is_not_logged(
    harness: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    await harness.client()

    assert "subprotocol" not in caplog.text
