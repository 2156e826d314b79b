"""The handshake and the other HTTP paths, on each transport."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from masked_frames import TEXT, client_frame, close, text
from raw_client import ACCEPT

from chateau import __version__

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=20)

REGISTER = '{"type": 1, "username": "alice"}'
REGISTERED = {"type": 1, "status": 200}


async def test_handshake_response_follows_rfc_6455(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Sec_WebSocket_Extensions="permessage-deflate", Cookie="a=b"))

    response = await client.response()

    assert response.status == 101
    assert response.headers["upgrade"].lower() == "websocket"
    assert response.headers["connection"].lower() == "upgrade"
    assert response.headers["sec-websocket-accept"] == ACCEPT
    assert "sec-websocket-extensions" not in response.headers
    assert "sec-websocket-protocol" not in response.headers


async def test_handshake_headers_are_case_insensitive(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Upgrade="WebSocket", Connection="keep-alive, UPGRADE"))

    assert (await client.response()).status == 101


@pytest.mark.parametrize("version", ["8", "12", "14", "thirteen"])
async def test_unsupported_version_gets_the_supported_one(harness: LiveServer, version: str) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Sec_WebSocket_Version=version))

    response = await client.response()

    assert response.status == 426
    assert response.headers["sec-websocket-version"] == "13"
    assert harness.connections == 0


async def test_plain_get_requires_an_upgrade(harness: LiveServer) -> None:
    client = await harness.connect()

    response = await client.get("/ws")

    assert response.status == 426
    assert response.headers["upgrade"] == "websocket"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"WebSocket client" in response.body


async def test_upgrade_without_a_connection_header_is_rejected(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Connection="close"))

    assert (await client.response()).status == 400


async def test_handshake_without_a_key_is_rejected(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Sec_WebSocket_Key=""))

    assert (await client.response()).status == 400


@pytest.mark.parametrize("origin", ["https://example.org", "http://localhost", "null"])
async def test_request_from_another_origin_is_rejected(harness: LiveServer, origin: str) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Origin=origin))

    assert (await client.response()).status == 403
    assert harness.connections == 0


async def test_request_from_the_same_origin_is_accepted(harness: LiveServer) -> None:
    client = await harness.connect()
    scheme = "http" if harness.tls is None else "https"

    await client.upgrade(Origin=f"{scheme}://{client.host}")


async def test_only_allowed_origins_are_accepted(open_server: OpenServer) -> None:
    harness = open_server(allow_origin=("https://example.org", "https://example.net"))

    for origin in ("https://example.org", "https://example.net"):
        await (await harness.connect()).upgrade(Origin=origin)
    for origin in ("http://example.org", "https://example.org.evil.net", "https://example.org:8443"):
        client = await harness.connect()
        client.send(client.handshake_request(Origin=origin))
        assert (await client.response()).status == 403


async def test_rejection_names_the_flag_that_would_allow_the_origin(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(client.handshake_request(Origin="HTTPS://Example.org:443"))

    response = await client.response()

    assert response.status == 403
    assert response.body == (
        b"Pages of this origin may not connect here; --allow-origin https://example.org would allow it.\n"
    )


async def test_origins_are_normalized_at_start_and_at_comparison(open_server: OpenServer) -> None:
    harness = open_server(allow_origin=("https://Example.org:443/", "file://"))

    for origin in ("https://example.org", "https://EXAMPLE.org", "https://example.org:443", "file://"):
        await (await harness.connect()).upgrade(Origin=origin)


async def test_star_accepts_all_origins(open_server: OpenServer) -> None:
    harness = open_server(allow_origin=("*",))

    for origin in ("https://example.org", "null"):
        await (await harness.connect()).upgrade(Origin=origin)


async def test_frames_in_the_same_piece_as_the_request_are_not_lost(harness: LiveServer) -> None:
    client = await harness.connect()
    client.send(client.handshake_request() + text(REGISTER) + text('{"type": 4}'))

    assert (await client.response()).status == 101

    assert await client.receive_json() == REGISTERED
    assert await client.receive_json() == {"type": 4, "status": 200, "clients": ["alice"]}


async def test_frame_cut_at_the_end_of_the_request_piece_is_not_lost(harness: LiveServer) -> None:
    client = await harness.connect()
    frame = text(REGISTER)
    client.send(client.handshake_request() + frame[:9])

    assert (await client.response()).status == 101
    client.send(frame[9:])

    assert await client.receive_json() == REGISTERED


async def test_handshake_may_arrive_in_pieces(harness: LiveServer) -> None:
    client = await harness.connect()
    request = client.handshake_request()

    for start in range(0, len(request), 40):
        client.send(request[start : start + 40])
        await client.writer.drain()

    assert (await client.response()).status == 101


async def test_client_that_vanishes_during_the_handshake_leaves_no_state(harness: LiveServer) -> None:
    client = await harness.connect()

    client.send(client.handshake_request())
    client.reset()
    (await harness.connect()).send(b"")
    await (await harness.member("alice")).ask({"type": 4})

    await harness.until(lambda: harness.connections <= 1)


async def test_first_page_shows_the_endpoint(harness: LiveServer) -> None:
    client = await harness.connect()

    response = await client.get("/")

    assert response.status == 200
    assert response.headers["content-type"] == "text/html; charset=UTF-8"
    assert response.headers["server"] == f"Chateau/{__version__}"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    scheme = "ws" if harness.tls is None else "wss"
    assert f"{scheme}://{client.host}/ws" in response.body.decode()
    assert b"{{" not in response.body


async def test_host_header_is_escaped_on_the_first_page(open_server: OpenServer) -> None:
    harness = open_server(allow_host=("*",))
    client = await harness.connect()

    response = await client.get("/", Host="<b>&")

    assert b"<b>" not in response.body


async def test_prefix_is_escaped_on_the_first_page(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/<b>&")
    client = await harness.connect()

    response = await client.get("/<b>&/")

    assert response.status == 200
    assert f"{client.host}/&lt;b&gt;&amp;/ws" in response.body.decode()
    assert b"<b>" not in response.body


async def test_every_schema_is_served_at_its_url(harness: LiveServer) -> None:
    client = await harness.connect()

    index = await client.get("/schemas/")
    urls = json.loads(index.body)

    assert index.headers["content-type"] == "application/json"
    assert "/schemas/chateau/register-request.json" in urls
    for url in urls:
        response = await client.get(url)
        assert response.status == 200
        assert response.headers["content-type"] == "application/schema+json"
        assert json.loads(response.body)["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/schemas//",
        "/schemas/chateau/nothing.json",
        "/schemas/nobody/register-request.json",
        "/schemas/chateau/../../pyproject.json",
    ],
)
async def test_other_paths_get_404(harness: LiveServer, path: str) -> None:
    client = await harness.connect()

    response = await client.get(path)

    assert response.status == 404
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.body == b"404 Not Found\n"


@pytest.mark.parametrize("prefix", ["/chat", "/a/b", "/v1.0", "/c++", "/(room)"])
async def test_every_path_has_the_prefix(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix)
    client = await harness.connect(path=f"{prefix}/ws")

    for path in (prefix, f"{prefix}/"):
        page = await client.get(path)
        assert page.status == 200
        assert f"{client.host}{prefix}/ws" in page.body.decode()
    urls = json.loads((await client.get(f"{prefix}/schemas/")).body)
    assert f"{prefix}/schemas/chateau/register-request.json" in urls
    assert (await client.get(urls[0])).status == 200
    for path in ("/", "/ws", "/schemas/", f"{prefix}x/ws", prefix.replace(".", "x", 1) + "0/ws"):
        assert (await client.get(path)).status == 404
    await client.upgrade()
    client.send(text('{"type": 1, "username": 1}'))
    assert (await client.receive_json())["schema"] == f"{prefix}/schemas/chateau/register-request.json"


async def test_connection_may_request_pages_before_its_upgrade(harness: LiveServer) -> None:
    client = await harness.connect()

    assert (await client.get("/")).status == 200
    await client.upgrade()

    client.send(client_frame(TEXT, REGISTER.encode()) + close(1000))
    assert await client.receive_json() == REGISTERED
