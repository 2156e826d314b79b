"""The rate of requests over HTTP: one allowance per address, on all kinds of connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from publishing_harness import PublishingServer, post
from raw_client import RawClient, Response

from chateau.net.allowance import WARNINGS
from chateau.net.publish_connection import PublishConnection

if TYPE_CHECKING:
    from live_harness import OpenServer

pytestmark = pytest.mark.gen_test(timeout=20)

RATE = 10
BURST = 2 * RATE
KEY = "swordfish"


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[PublishingServer]:
    server = PublishingServer(**({"has_lane": True, "max_publish_rate": RATE} | options))
    try:
        yield server
    finally:
        server.time += 100  # nobody waits at the end
        await server.close()


def check_429(response: Response, seconds: int = 1) -> None:
    assert response.status == 429
    assert response.headers["retry-after"] == str(seconds)
    assert response.headers["x-error"] == (
        f"Too many requests; the maximum is {RATE} tokens per second from one address."
    )
    assert json.loads(response.body) == "Too many requests"


async def statuses(client: RawClient, count: int) -> list[int]:
    return [(await client.response()).status for _ in range(count)]


@pytest.mark.parametrize("has_lane", [True, False], ids=["publish connection", "tornado"])
@pytest.mark.parametrize("has_tls", [False, True], ids=["plain", "tls"])
async def test_requests_above_the_rate_are_refused(has_lane: bool, has_tls: bool) -> None:
    async with serving(has_lane=has_lane, has_tls=has_tls) as server:
        listener = server.subscribe("a")
        client = await server.connect()
        served = BURST - 1  # each has a recipient, which costs a little more
        client.send(post("/channel/a/", b"hi") * (served + 5))

        assert await statuses(client, served) == [201] * served
        for _ in range(5):
            check_429(await client.response())
        assert len(listener.got) == served, "what is refused is not delivered"

        server.time += 1
        client.send(post("/channel/b/", b"hi") * RATE)
        assert await statuses(client, RATE) == [201] * RATE


async def test_publish_connection_is_not_read_after_some_errors() -> None:
    async with serving() as server:
        client = await server.connect(publishes=2)
        (connection,) = server.group.connections
        client.send(post("/channel/a/", b"hi") * (BURST + WARNINGS + 3))

        assert await statuses(client, BURST - 2 + WARNINGS) == [201] * (BURST - 2) + [429] * WARNINGS
        assert isinstance(connection, PublishConnection)
        assert connection.is_paused
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.response()

        server.time += 1
        assert await statuses(client, 5) == [201] * 5, "nothing is lost, and the order is kept"
        assert not connection.is_paused


async def test_other_request_behind_a_pause_is_served_by_tornado_in_its_order() -> None:
    async with serving() as server:
        client = await server.connect(publishes=2)
        client.send(
            post("/channel/a/", b"hi") * (BURST + WARNINGS)
            + b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        await statuses(client, BURST - 2 + WARNINGS)

        await asyncio.sleep(0.05)
        server.time += 1
        assert await statuses(client, 2) == [201, 201]
        assert (await client.response()).body == b"hello"


async def test_client_that_leaves_while_it_waits_is_gone() -> None:
    async with serving() as server:
        client = await server.connect(publishes=2)
        client.send(post("/channel/a/", b"hi") * (BURST + WARNINGS + 3))
        await statuses(client, BURST - 2 + WARNINGS)

        client.reset()
        async with asyncio.timeout(5):
            while server.group.connections:  # noqa: ASYNC110 - the server has no event for a test
                await asyncio.sleep(0.01)


async def test_connections_of_one_address_share_its_tokens() -> None:
    async with serving() as server:
        clients = [await server.connect() for _ in range(10)]
        served = 0
        for _ in range(3):
            for client in clients:
                client.send(post("/channel/a/", b"hi"))
                served += (await client.response()).status == 201

        assert served == BURST


async def test_address_behind_a_trusted_proxy_is_refused_alone_and_its_proxy_is_read() -> None:
    async with serving(trusted_proxies=["127.0.0.1"]) as server:
        client = await server.connect()
        busy = post("/channel/a/", b"hi", X_Forwarded_For="192.0.2.1")
        other = post("/channel/a/", b"hi", X_Forwarded_For="192.0.2.2")
        client.send(busy * (BURST + 3 * WARNINGS) + other)

        received = await statuses(client, BURST + 3 * WARNINGS + 1)

        assert received == [201] * BURST + [429] * 3 * WARNINGS + [201]


@pytest.mark.parametrize("publishes", [0, 2], ids=["tornado", "publish connection"])
async def test_long_packages_cost_more(publishes: int) -> None:
    async with serving() as server:
        client = await server.connect(publishes=publishes)
        client.send(post("/channel/a/", b"x" * 4_096 * 100))
        assert (await client.response()).status == 201

        client.send(post("/channel/a/", b"x"))
        check_429(await client.response(), seconds=9)


async def test_many_recipients_cost_more() -> None:
    async with serving() as server:
        for _ in range(3_000):
            server.subscribe("a")
        client = await server.connect()
        client.send(post("/channel/a/", b"x") * 2)

        assert (await client.response()).status == 201
        check_429(await client.response(), seconds=2)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({f"a{number}": [] for number in range(100)}, id="channels"),
        pytest.param({"a": [{"text": ""}] * 100}, id="packages"),
        pytest.param({f"a{number}": [] for number in range(100)} | {"x" * 99: []}, id="an invalid name"),
    ],
)
async def test_each_channel_and_package_of_a_broadcast_costs_a_token(body: Any) -> None:
    async with serving() as server:
        client = await server.connect()
        client.send(post("/broadcast/", json.dumps(body).encode()))
        assert (await client.response()).status in (201, 400)

        client.send(post("/broadcast/", b"{}"))
        check_429(await client.response(), seconds=9)


async def test_invalid_requests_cost_as_much() -> None:
    async with serving() as server:
        client = await server.connect()
        client.send(post("/channel/a/", b"{", Package_Type="json") * (BURST + 1))

        assert await statuses(client, BURST + 1) == [400] * BURST + [429]


async def test_requests_are_not_limited_without_a_rate() -> None:
    async with serving(max_publish_rate=0) as server:
        client = await server.connect()
        client.send(post("/channel/a/", b"hi") * 500)

        assert await statuses(client, 500) == [201] * 500
        assert len(server.allowances) == 0


async def test_requests_of_a_silent_address_leave_no_allowance() -> None:
    async with serving(trusted_proxies=["127.0.0.1"]) as server:
        client = await server.connect()
        for number in range(300):
            client.send(post("/channel/a/", b"hi", X_Forwarded_For=f"192.0.2.{number % 250}"))
            await client.response()
            server.time += 1

        assert len(server.allowances) < 10


# Other requests on a running server

REQUESTS: list[tuple[str, Callable[[RawClient], bytes]]] = [
    ("renderings", lambda _: post("/renderings", b'{"type": 2}')),
    ("admin reads", lambda client: client.request("/admin/rooms", Authorization=f"Bearer {KEY}")),
    (
        "admin actions",
        lambda _: post("/admin/unban", b'{"address": "192.0.2.1"}', Authorization=f"Bearer {KEY}"),
    ),
    ("admin without the key", lambda client: client.request("/admin/rooms")),
    ("no such admin address", lambda client: client.request("/admin/x", Authorization=f"Bearer {KEY}")),
    ("publish", lambda _: post("/channel/a/", b"hi")),
]


@pytest.mark.parametrize("request_of", [each[1] for each in REQUESTS], ids=[each[0] for each in REQUESTS])
async def test_requests_of_all_kinds_share_the_rate(
    open_server: OpenServer, request_of: Callable[[RawClient], bytes]
) -> None:
    harness = open_server(max_publish_rate=0.5, secret_key=KEY)
    client = await harness.connect()
    client.send(request_of(client))
    assert (await client.response()).status != 429

    client.send(request_of(client))
    response = await client.response()

    assert response.status == 429
    assert int(response.headers["retry-after"]) in (1, 2)
    if "x-error" not in response.headers:
        error = json.loads(response.body)
        assert (error["status"], error["code"]) == (429, "rate_limited")
        assert error["error"] == "Too many requests; the maximum is 0.5 tokens per second from one address."


async def test_pages_and_subscriptions_are_not_limited(open_server: OpenServer) -> None:
    harness = open_server(max_publish_rate=0.5)
    client = await harness.connect()
    for _ in range(5):
        assert (await client.get("/schemas/")).status == 200
    for _ in range(3):
        await harness.client()
