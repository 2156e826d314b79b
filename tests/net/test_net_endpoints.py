"""Endpoints: the protocol of each path, and the clients that may connect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from raw_client import RawClient
from running_server import free_port

from chateau.protocols.schemas import schemas_folder

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=20)


@pytest.fixture
def transport() -> str:
    """One transport: the routes do not depend on it."""
    return "fast"


CHATEAU = ({"type": 4}, {"type": 4, "status": 400})
FUNCTIONS = ({"function": "retrieve_clients"}, {"function": "retrieve_clients"})
OPCODES = ({"op": 4}, {"op": 4})

ENDPOINTS = [
    ("/ws", CHATEAU),
    ("/functions", FUNCTIONS),
    ("/", FUNCTIONS),
    ("/?token=x", FUNCTIONS),
    ("/ws?", CHATEAU),
    ("/opcodes", OPCODES),
]
"""Each path, with a request of its protocol and a part of the response."""

FOLDERS = ["admin", "channels", "chateau", "functions", "lines", "opcodes"]


async def asked(client: RawClient, question: Any, **headers: str) -> Any:
    await client.upgrade(**headers)
    client.send_json(question)
    return await client.receive_json()


async def handshake(harness: LiveServer, path: str, **headers: str) -> int:
    """Return the status of the response to a handshake."""
    client = await harness.connect(path=path)
    client.send(client.handshake_request(**headers))
    return (await client.response()).status


@pytest.mark.parametrize("prefix", ["", "/chat", "/a/b.c"])
@pytest.mark.parametrize(("path", "talk"), ENDPOINTS)
async def test_each_path_has_its_protocol(
    open_server: OpenServer, path: str, talk: tuple[Any, Any], prefix: str
) -> None:
    harness = open_server(url_prefix=prefix)
    question, expected = talk

    response = await asked(await harness.connect(path=prefix + path), question)

    assert response.items() >= expected.items()


async def test_prefix_without_its_slash_is_an_endpoint(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/chat")

    response = await asked(await harness.connect(path="/chat"), FUNCTIONS[0])
    page = await (await harness.connect()).get("/chat")

    assert response["function"] == "retrieve_clients"
    assert page.status == 200
    assert b"/chat/ws" in page.body


@pytest.mark.parametrize(
    "path", ["/ws", "/functions", "/opcodes", "/", "/channel/x/", "/schemas/", "/chat2/ws", "/chatXws"]
)
async def test_paths_without_the_prefix_get_404(open_server: OpenServer, path: str) -> None:
    harness = open_server(url_prefix="/chat")

    assert await handshake(harness, path) == 404
    assert (await (await harness.connect()).get(path)).status == 404


async def test_prefix_is_matched_literally(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/a.b+(c)")

    assert await handshake(harness, "/a.b+(c)/ws") == 101
    for path in ("/aXb+(c)/ws", "/a.bb(c)/ws", "/a.b+c/ws"):
        assert await handshake(harness, path) == 404


@pytest.mark.parametrize(
    "path", ["/ws//", "/WS", "/wss", "/functions//", "//", "/ws/ws", "/%77s", "/lines", "/channel"]
)
async def test_other_paths_get_404(harness: LiveServer, path: str) -> None:
    assert await handshake(harness, path) == 404
    assert harness.connections == 0


async def test_plain_get_of_the_root_returns_the_page(harness: LiveServer) -> None:
    page = await (await harness.connect()).get("/")

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/ws", "/functions", "/opcodes"])
async def test_plain_get_of_an_endpoint_requires_an_upgrade(harness: LiveServer, path: str) -> None:
    response = await (await harness.connect()).get(path)

    assert response.status == 426
    assert response.headers["upgrade"] == "websocket"
    assert response.headers["connection"].lower() == "upgrade"
    assert b"WebSocket" in response.body


@pytest.mark.parametrize("path", ["/ws", "/functions", "/opcodes", "/", "/channel/news/", "/channel/news"])
async def test_other_origins_are_rejected_at_every_endpoint(harness: LiveServer, path: str) -> None:
    for origin in ("https://example.org", "null", "http://localhost:1"):
        assert await handshake(harness, path, Origin=origin) == 403
    assert harness.connections == 0
    assert harness.server.hub.session_count() == 0


@pytest.mark.parametrize("path", ["/ws", "/functions", "/opcodes", "/", "/channel/news/"])
async def test_allowed_origins_and_the_own_origin_are_accepted_at_every_endpoint(
    open_server: OpenServer, path: str
) -> None:
    harness = open_server(allow_origin=("https://example.org",))
    own = f"{'http' if harness.tls is None else 'https'}://localhost:{harness.port}"

    for origin in ("https://example.org", own):
        assert await handshake(harness, path, Origin=origin) == 101
    assert await handshake(harness, path, Origin="https://example.net") == 403


async def test_cross_site_request_is_rejected(harness: LiveServer) -> None:
    own = f"{'http' if harness.tls is None else 'https'}://localhost:{harness.port}"

    for path in ("/ws", "/functions", "/opcodes", "/", "/channel/news/"):
        assert await handshake(harness, path, Origin=own, Sec_Fetch_Site="cross-site") == 403


async def test_opcodes_port_uses_opcodes_at_any_path_and_checks_origins(
    open_server: OpenServer,
) -> None:
    port = free_port()
    harness = open_server(opcodes_port=port, url_prefix="/chat")

    async def client(path: str) -> RawClient:
        client = await RawClient.connect(port, tls=harness.tls, path=path)
        harness.clients.append(client)
        return client

    for path in ("/", "/ws", "/chat/functions", "/a/b?c=d", "/%FF", "//"):
        response = await asked(await client(path), OPCODES[0])
        assert response["d"]["port"] == port
    other = await client("/")
    other.send(other.handshake_request(Origin="https://example.org"))
    assert (await other.response()).status == 403
    assert (await (await client("/")).get("/schemas/")).status == 426


async def test_every_endpoint_is_closed_once_the_server_stops(harness: LiveServer) -> None:
    clients = [
        await harness.connect(path=path) for path in ("/ws", "/functions", "/opcodes", "/", "/channel/x/")
    ]
    for client in clients:
        assert (await client.get("/schemas/")).status == 200
    harness.server.group.is_closing = True

    for client in clients:
        client.send(client.handshake_request())
        assert (await client.response()).status == 503


@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_schemas_of_all_protocols_are_served(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix)
    client = await harness.connect()
    index = json.loads((await client.get(f"{prefix}/schemas/")).body)

    folder = schemas_folder()
    files = {f"{prefix}/schemas/{file.relative_to(folder)}" for file in folder.rglob("*.json")}
    assert set(index) == files
    parts = [url.removeprefix(prefix).split("/") for url in index]
    assert sorted({part[2] for part in parts if len(part) == 4}) == FOLDERS
    assert f"{prefix}/schemas/scenario.json" in index
    for url in index:
        response = await client.get(url)
        assert response.status == 200
        assert response.headers["content-type"] == "application/schema+json"
        assert json.loads(response.body)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize(
    "path",
    [
        "/schemas/lines/none.json",
        "/schemas/none/common.json",
        "/schemas/../pyproject.toml",
        "/schemas/lines/..%2F..%2Fpyproject.toml.json",
        "/schemas/%2e%2e/lines.json",
        "/schemas/lines/common",
        "/schemas/lines",
    ],
)
async def test_unknown_schema_gets_404(harness: LiveServer, path: str) -> None:
    assert (await (await harness.connect()).get(path)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "BREW", "PATCH"])
async def test_endpoints_reject_other_methods(harness: LiveServer, method: str) -> None:
    for path in ("/ws", "/functions", "/opcodes", "/"):
        client = await harness.connect(path=path)
        client.send(client.request().replace(b"GET", method.encode(), 1))
        assert (await client.response()).status == 405
