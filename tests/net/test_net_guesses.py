"""Attempts at the publishing password over the limit: they wait, on every kind of connection."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import pytest

from chateau.hub.guesses import TRIES

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer
    from raw_client import RawClient, Response

pytestmark = pytest.mark.gen_test(timeout=30)

PASSWORD = "swordfish"


def publish(password: str, path: str = "/channel/news/", body: bytes = b"hi") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {password}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def status(client: RawClient, request: bytes) -> int:
    client.send(request)
    return (await client.response()).status


async def use_up(harness: LiveServer) -> None:
    """Present as many wrong passwords as are free."""
    client = await harness.connect()
    for _ in range(TRIES):
        assert await status(client, publish("wrong")) == 403


@pytest.fixture
def open_with_password(open_server: OpenServer) -> OpenServer:
    return lambda **settings: open_server(pwd=PASSWORD, **settings)


@pytest.mark.parametrize(("path", "body"), [("/channel/news/", b"hi"), ("/broadcast/", b"{}")])
async def test_right_password_is_accepted_at_its_turn(
    open_with_password: OpenServer, path: str, body: bytes
) -> None:
    harness = open_with_password()
    await use_up(harness)
    started_at = time.monotonic()

    assert await status(await harness.connect(), publish(PASSWORD, path, body)) == 201

    assert 0.5 < time.monotonic() - started_at < 5


async def test_passwords_in_one_read_are_compared_once_a_second(open_with_password: OpenServer) -> None:
    harness = open_with_password()
    client = await harness.connect()
    for _ in range(3):  # it is on a publish connection then
        assert await status(client, publish(PASSWORD)) == 201
    compared = 0
    is_right = harness.server.hub.access.guesses.is_right

    def counting(*arguments: object, **options: object) -> bool:
        nonlocal compared
        right = is_right(*arguments, **options)  # type: ignore[arg-type]
        compared += 1
        return right

    harness.server.hub.access.guesses.is_right = counting  # type: ignore[method-assign,assignment]
    client.send(publish("wrong") * 200)
    await asyncio.sleep(2.5)

    assert TRIES <= compared <= TRIES + 4
    statuses = [(await client.response()).status for _ in range(compared)]
    assert set(statuses) == {403}


async def test_responses_stay_in_order_when_one_has_to_wait(open_with_password: OpenServer) -> None:
    harness = open_with_password()
    client = await harness.connect()
    for _ in range(3):
        assert await status(client, publish(PASSWORD)) == 201
    await use_up(harness)

    client.send(publish(PASSWORD) + publish("wrong") + publish(PASSWORD, "/channel/%FF/") + publish(PASSWORD))

    assert [(await client.response()).status for _ in range(4)] == [201, 403, 400, 201]


async def test_publisher_that_knows_the_password_is_not_delayed(open_with_password: OpenServer) -> None:
    harness = open_with_password()
    publisher = await harness.connect()
    assert await status(publisher, publish(PASSWORD)) == 201
    await use_up(harness)
    guesser = await harness.connect()
    guesser.send(publish("wrong") * 5)
    started_at = time.monotonic()

    for _ in range(100):
        assert await status(publisher, publish(PASSWORD)) == 201

    assert time.monotonic() - started_at < 2


async def test_missing_password_is_no_attempt(open_with_password: OpenServer) -> None:
    harness = open_with_password()
    client = await harness.connect()
    request = b"POST /channel/news/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"

    for _ in range(20):
        assert await status(client, request) == 403
    assert await status(client, publish(PASSWORD)) == 201


async def test_attempts_that_are_too_many_get_429(open_with_password: OpenServer) -> None:
    harness = open_with_password()
    await use_up(harness)
    harness.server.hub.access.guesses.waiting_limit = 0
    client = await harness.connect()
    client.send(publish(PASSWORD))

    response: Response = await client.response()

    assert (response.status, response.body) == (429, b'"Too many requests"')
    assert response.headers["retry-after"] == "60"
    assert response.headers["x-error"].startswith("Too many wrong keys")


async def test_client_that_leaves_while_it_waits_is_forgotten(
    open_with_password: OpenServer, caplog: pytest.LogCaptureFixture
) -> None:
    harness = open_with_password(secret_key="a key")
    await use_up(harness)
    publisher, admin = await harness.connect(), await harness.connect()
    publisher.send(publish(PASSWORD))
    admin.send(b"GET /admin/bans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a key\r\n\r\n")
    guesses = harness.server.hub.access.guesses
    await harness.until(lambda: guesses._waiting == 2)

    await publisher.leave()
    await admin.leave()
    await harness.until(lambda: guesses._waiting == 0)
    await asyncio.sleep(0.1)

    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


async def test_clients_that_wait_do_not_delay_the_shutdown(
    open_with_password: OpenServer, caplog: pytest.LogCaptureFixture
) -> None:
    harness = open_with_password(secret_key="a key")
    await use_up(harness)
    for _ in range(20):
        publisher, admin = await harness.connect(), await harness.connect()
        publisher.send(publish(PASSWORD))
        admin.send(
            b"POST /admin/ban HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a key\r\n"
            b"Content-Length: 2\r\n\r\n{}"
        )
    await harness.until(lambda: harness.server.hub.access.guesses._waiting >= 39)
    started_at = time.monotonic()

    await harness.server.drain()

    assert time.monotonic() - started_at < 3
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []
