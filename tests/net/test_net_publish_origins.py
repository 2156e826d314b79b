"""Origins that may publish from a browser: the server's own and the allowed ones."""

from __future__ import annotations

import pytest
from live_harness import LiveServer, OpenServer
from raw_client import RawClient, Response

pytestmark = pytest.mark.gen_test


async def published(client: RawClient, **headers: str) -> Response:
    request = client.request("/channel/news/", Content_Length="2", **headers)
    client.send(request.replace(b"GET", b"POST", 1) + b"hi")
    return await client.response()


@pytest.mark.parametrize("origin", ["https://example.org", "http://localhost", "null", "", "http://["])
async def test_request_from_another_origin_is_rejected(harness: LiveServer, origin: str) -> None:
    response = await published(await harness.connect(), Origin=origin)

    assert (response.status, response.body) == (403, b'"Not authorized"')
    assert response.headers["x-error"].startswith(
        "Pages of this origin may not publish here; --allow-origin "
    )


async def test_request_from_the_same_origin_may_publish(harness: LiveServer) -> None:
    client = await harness.connect()
    scheme = "http" if harness.tls is None else "https"

    assert (await published(client, Origin=f"{scheme}://{client.host}")).status == 201
    assert (await published(client, Origin="https://x", Sec_Fetch_Site="same-origin")).status == 201


async def test_request_without_an_origin_may_publish(harness: LiveServer) -> None:
    assert (await published(await harness.connect())).status == 201


async def test_only_allowed_origins_may_publish(open_server: OpenServer) -> None:
    harness = open_server(allow_origin=("https://example.org",))

    assert (await published(await harness.connect(), Origin="https://example.org")).status == 201
    assert (await published(await harness.connect(), Origin="https://example.net")).status == 403
