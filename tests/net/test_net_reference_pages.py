"""The reference as the server serves it: paths, headers, and links to existing pages."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from raw_client import PATIENCE_SECONDS

from chateau.hub.errors import AccessDenied, InvalidName
from chateau.net import console_handlers
from chateau.net.console_handlers import content_policy
from chateau.net.reference_handlers import Reference, http_error_text

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer
    from raw_client import RawClient

PAGES = ("", "chateau", "functions", "lines", "opcodes", "channels", "admin", "errors", "settings")

live = pytest.mark.gen_test(timeout=20)
every_prefix = pytest.mark.parametrize("prefix", ["", "/chat"])


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    """One transport, unless a test sets others."""
    name: str = getattr(request, "param", "fast")
    return name


async def html_at(client: RawClient, path: str) -> str:
    """Return the page at *path*."""
    response = await client.get(path)
    assert response.status == 200, path
    assert response.headers["content-type"] == "text/html; charset=UTF-8"
    return response.body.decode()


@live
@every_prefix
async def test_every_page_is_served_and_its_links_resolve(open_server: OpenServer, prefix: str) -> None:
    client = await open_server(url_prefix=prefix).connect()
    linked: set[str] = set()

    for name in PAGES:
        address = f"{prefix}/docs/{name}"
        html = await html_at(client, address)
        links = re.findall(r'(?:href|src)="([^"#]+)', html)
        linked |= {urljoin(address, link) for link in links}

    assert {f"{prefix}/docs/{name}" for name in PAGES} <= linked
    for path in sorted(linked):
        assert (await client.get(path)).status == 200, path


@live
@every_prefix
async def test_url_without_its_slash_redirects(open_server: OpenServer, prefix: str) -> None:
    response = await (await open_server(url_prefix=prefix).connect()).get(f"{prefix}/docs")

    assert response.status == 302
    assert response.headers["location"] == f"{prefix}/docs/"


@live
async def test_pages_are_served_only_under_the_prefix(open_server: OpenServer) -> None:
    client = await open_server(url_prefix="/chat").connect()

    for path in (
        "/docs",
        "/docs/",
        "/docs/chateau",
        "/chat/docs/index",
        "/chat/docs/chateau//",
        "/chat/docs/x",
    ):
        assert (await client.get(path)).status == 404, path


@live
async def test_page_is_revalidated_and_sent_only_when_changed(harness: LiveServer) -> None:
    client = await harness.connect()
    first = await client.get("/docs/chateau")

    again = await client.get("/docs/chateau", If_None_Match=first.headers["etag"])

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status, again.body) == (304, b"")


FIRST_REQUESTS = {
    "make_pages": b"GET /docs/",
    "asyncapi": b"GET /asyncapi.json",
    "openapi": b"GET /openapi.json",
    "make_translate": b"POST /renderings",
}
"""The requests for which something is imported and made, by the method of the reference that makes it."""


@live
@pytest.mark.parametrize("method", FIRST_REQUESTS)
async def test_other_clients_are_served_while_a_part_of_the_reference_is_made(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    begun, release = threading.Event(), threading.Event()
    make = getattr(Reference, method)

    def make_slowly(*arguments: object) -> object:
        begun.set()
        assert release.wait(PATIENCE_SECONDS), "no other client was served"
        return make(*arguments)

    monkeypatch.setattr(Reference, method, make_slowly)
    harness = open_server()
    reader = await harness.connect()
    other = await harness.client()

    body = b'{"type": 9}' if FIRST_REQUESTS[method].startswith(b"POST") else b""
    reader.send(
        b"%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
        % (FIRST_REQUESTS[method], len(body), body)
    )
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    try:
        assert (await other.ask({"type": 9}))["status"] == 400
        assert not release.is_set()
    finally:
        release.set()

    assert (await reader.response()).status == 200


@live
async def test_pages_have_the_content_security_policy_of_the_console(open_server: OpenServer) -> None:
    harness = open_server(allow_host=("chat.example.org",))
    response = await (await harness.connect()).get("/docs/", Host="chat.example.org")

    assert response.headers["content-security-policy"] == content_policy("chat.example.org")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@live
async def test_error_responses_name_the_schemas_where_this_server_has_them(open_server: OpenServer) -> None:
    client = await open_server(url_prefix="/chat").connect()

    html = await html_at(client, "/chat/docs/chateau")

    assert "/chat/schemas/chateau/register-request.json&quot;" in html


@live
@pytest.mark.parametrize("transport", ["fast", "tls"], indirect=True)
async def test_commands_have_the_prefix_and_the_requested_host(
    open_server: OpenServer,
) -> None:
    harness = open_server(url_prefix="/chat", allow_host=("chat.example.org",))
    client = await harness.connect()
    scheme = "http" if harness.tls is None else "https"

    html = await html_at(client, "/chat/docs/channels")
    response = await client.get("/chat/docs/channels", Host="chat.example.org")

    assert f"{scheme}://localhost:{harness.port}/chat/channel/news/" in html
    assert f"{scheme}://chat.example.org/chat/channel/news/" in response.body.decode()
    assert "localhost" not in response.body.decode()


@live
async def test_invalid_host_is_not_shown(open_server: OpenServer) -> None:
    harness = open_server(allow_host=("*",))
    response = await (await harness.connect()).get("/docs/channels", Host="a'b")

    assert response.status == 400 or b"http://localhost:8888/channel/news/" in response.body
    assert b"a'b" not in response.body


@live
@every_prefix
async def test_llms_txt_is_served_with_the_address_of_the_server(
    open_server: OpenServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = open_server(url_prefix=prefix)
    client = await harness.connect()
    monkeypatch.setattr(console_handlers, "FOLDER", tmp_path / "console")

    missing = await client.get(f"{prefix}/llms.txt")
    (tmp_path / "llms.txt").write_text("# Chateau\n\nhttp://localhost:8888/docs/ Grüße\n", "utf-8")
    found = await client.get(f"{prefix}/llms.txt")

    assert missing.status == 404
    assert found.status == 200
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert found.body.decode() == f"# Chateau\n\nhttp://localhost:{harness.port}/docs/ Grüße\n"


@live
async def test_pages_contain_no_secrets(open_server: OpenServer) -> None:
    client = await open_server(secret_key="a-very-secret-key", pwd="a-very-secret-password").connect()

    for name in PAGES:
        assert "a-very-secret" not in await html_at(client, f"/docs/{name}")


@live
async def test_documented_error_examples_match_the_server(harness: LiveServer) -> None:
    html = await html_at(await harness.connect(), "/docs/chateau")

    response = await (await harness.client()).ask({"type": 17})

    assert escape(response["error"].replace('"', '\\"'), quote=True) in html


@live
async def test_documented_admin_api_errors_match_the_server(open_server: OpenServer) -> None:
    harness = open_server(secret_key="swordfish")
    html = await html_at(await harness.connect(), "/docs/admin")
    key = {"Authorization": "Bearer swordfish"}
    lost = await (await harness.connect()).get("/admin/nowhere", **key)
    client = await harness.connect()
    client.send(
        client.request("/admin/kick", Content_Length="65537", **key).replace(b"GET", b"POST", 1)
        + b"x" * 65_537
    )
    long = await client.response()

    for status, response in ((404, lost), (413, long)):
        assert response.status == status
        assert escape(json.dumps(json.loads(response.body))) in html


def test_http_error_is_shown_with_status_reason_and_body() -> None:
    assert http_error_text(AccessDenied("No.")) == 'HTTP/1.1 403 Forbidden\nX-Error: No.\n\n"Not authorized"'
    assert http_error_text(InvalidName("ü", "it is odd")).startswith("HTTP/1.1 400 Bad Request\nX-Error: ")
