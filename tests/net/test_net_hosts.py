"""The check of ``Host``: a server on a loopback address accepts its own names only (DNS rebinding)."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
from raw_client import RawClient, Response

from chateau.net.host_policy import HostPolicy, host_policy
from chateau.settings import MEMORY, Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test

EVIL = "evil.example"

LOCAL = [
    "localhost",
    "localhost:1",
    "LOCALHOST",
    "localhost.",
    "chat.localhost:8888",
    "127.0.0.1",
    "127.0.0.1:8888",
    "127.9.9.9",
    "[::1]:8888",
    "[0:0:0:0:0:0:0:1]",
]
FOREIGN = [
    EVIL,
    f"{EVIL}:8888",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "192.0.2.1",
    "0.0.0.0",
    "[2001:db8::1]:8888",
    "localhost@evil.example",
    "evil.example#localhost",
    "evil.example/localhost",
    "localhost:80:evil.example",
    "localhost, evil.example",
    "[::1",
    "",
    "x" * 5_000,
]


def posted(path: str, body: bytes = b"hi", **headers: str) -> bytes:
    """Return a POST request."""
    lines = [f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def status_of(harness: LiveServer, request: bytes) -> int:
    client = await harness.connect()
    client.send(request)
    response = await client.response()
    await client.leave()
    return response.status


REQUESTS = {
    "handshake /ws": ("/ws", True),
    "handshake /": ("/", True),
    "handshake /functions": ("/functions", True),
    "handshake /opcodes": ("/opcodes", True),
    "handshake of a channel": ("/channel/news/", True),
    "console": ("/", False),
    "admin console": ("/console/admin", False),
    "admin API": ("/admin/sessions", False),
    "reference": ("/docs/", False),
    "specification": ("/openapi.json", False),
    "schemas": ("/schemas/", False),
    "unknown path": ("/nothing", False),
    "event stream": ("/channel/news/", False),
}


@pytest.mark.parametrize(("path", "is_handshake"), REQUESTS.values(), ids=REQUESTS)
async def test_foreign_host_gets_421_at_every_path(
    harness: LiveServer, path: str, is_handshake: bool
) -> None:
    client = await harness.connect(path=path)
    headers = {"Host": EVIL, "Origin": f"http://{EVIL}", "Accept": "text/event-stream"}
    request = client.handshake_request(**headers) if is_handshake else client.request(**headers)

    client.send(request)
    response = await client.response()

    assert response.status == 421
    assert response.body == (
        b"This server is not at the host evil.example: --allow-host evil.example would accept it.\n"
    )
    assert harness.server.hub.session_count() == 0


@pytest.mark.parametrize("path", ["/channel/news/", "/broadcast/", "/renderings", "/admin/ban"])
async def test_foreign_host_cannot_post(harness: LiveServer, path: str) -> None:
    assert await status_of(harness, posted(path, Host=EVIL)) == 421


@pytest.mark.parametrize("host", LOCAL)
async def test_loopback_names_are_accepted(harness: LiveServer, host: str) -> None:
    assert await status_of(harness, b"GET /schemas/ HTTP/1.1\r\nHost: %b\r\n\r\n" % host.encode()) == 200
    assert await status_of(harness, posted("/channel/news/", Host=host)) == 201


@pytest.mark.parametrize("host", FOREIGN)
async def test_other_names_are_rejected(harness: LiveServer, host: str) -> None:
    for request in (
        b"GET /schemas/ HTTP/1.1\r\nHost: %b\r\n\r\n" % host.encode(),
        posted("/channel/news/", Host=host),
    ):
        assert await status_of(harness, request) in (400, 421)


async def test_publisher_on_its_own_connection_is_checked_at_every_request(harness: LiveServer) -> None:
    listener = await (await harness.connect(path="/channel/news/")).upgrade()
    client = await harness.connect()
    good, bad = posted("/channel/news/", b"good", Host="localhost"), posted("/channel/news/", Host=EVIL)
    for _ in range(3):
        client.send(good)
        assert (await client.response()).status == 201

    client.send(good + bad + good + bad)
    statuses = [(await client.response()).status for _ in range(4)]

    assert statuses == [201, 421, 201, 421]
    for _ in range(5):
        assert (await listener.receive()).payload == b"good"


async def test_absolute_target_is_checked_too(harness: LiveServer) -> None:
    request = f"GET http://{EVIL}/schemas/ HTTP/1.1\r\nHost: localhost\r\n\r\n"

    assert await status_of(harness, request.encode()) == 421


async def test_one_of_several_hosts_is_enough_to_reject(harness: LiveServer) -> None:
    for hosts in (("localhost", EVIL), (EVIL, "localhost")):
        head = "".join(f"Host: {host}\r\n" for host in hosts)
        assert await status_of(harness, f"GET /schemas/ HTTP/1.1\r\n{head}\r\n".encode()) == 421


async def test_http_1_0_without_a_host_is_exempt(harness: LiveServer) -> None:
    assert await status_of(harness, b"GET /schemas/ HTTP/1.0\r\n\r\n") == 200
    assert await status_of(harness, b"GET /schemas/ HTTP/1.0\r\nHost: evil.example\r\n\r\n") == 421
    assert await status_of(harness, b"GET /schemas/ HTTP/1.1\r\n\r\n") == 400


@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_health_checks_are_exempt(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix)

    for path in ("/healthz", "/readyz", "/healthz/", "/readyz?verbose"):
        request = f"GET {prefix}{path} HTTP/1.1\r\nHost: {EVIL}\r\n\r\n"
        assert await status_of(harness, request.encode()) != 421
    for path in ("/healthz/x", "/x/healthz", "/healthzz"):
        request = f"GET {prefix}{path} HTTP/1.1\r\nHost: {EVIL}\r\n\r\n"
        assert await status_of(harness, request.encode()) == 421


async def test_configured_names_are_accepted(open_server: OpenServer) -> None:
    harness = open_server(
        allow_host=("Chat.Example.org", "*.example.net", "bücher.example"),
        allow_origin=("https://pages.example:8443", "null", "*"),
    )

    accepted = (
        "chat.example.org:1",
        "a.b.example.net",
        "xn--bcher-kva.example",
        "pages.example",
        "localhost",
    )
    for host in accepted:
        assert await status_of(harness, posted("/channel/news/", Host=host)) == 201, host
    for host in ("example.org", "example.net", "a.chat.example.org", "evilexample.net", "null"):
        assert await status_of(harness, posted("/channel/news/", Host=host)) == 421, host


async def test_star_accepts_every_host(open_server: OpenServer) -> None:
    harness = open_server(allow_host=("*",))

    assert await status_of(harness, posted("/channel/news/", Host=EVIL)) == 201


@pytest.mark.parametrize("transport", ["fast"], indirect=True)
async def test_unix_socket_is_exempt(open_server: OpenServer, tmp_path: Path) -> None:
    path = tmp_path / "sock"
    harness = open_server(usock=path)
    reader, writer = await asyncio.open_unix_connection(str(path))
    client = RawClient(reader, writer, EVIL, "/")
    harness.clients.append(client)

    for _ in range(4):  # the later ones on a publish connection
        client.send(posted("/channel/news/", Host=EVIL))
        assert (await client.response()).status == 201


@pytest.mark.parametrize("transport", ["fast"], indirect=True)
async def test_port_of_one_protocol_is_checked_too(open_server: OpenServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    harness = open_server(opcodes_port=port)
    client = await RawClient.connect(port, tls=harness.tls)
    harness.clients.append(client)

    client.send(client.handshake_request(Host=EVIL))

    assert (await client.response()).status == 421


async def test_connection_stays_open_after_421(harness: LiveServer) -> None:
    client = await harness.connect()

    client.send(posted("/channel/news/", b"x" * 100_000, Host=EVIL))
    assert (await client.response()).status == 421
    client.send(b"HEAD /schemas/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert b" 421 " in head
    assert (await client.get("/schemas/")).status == 200


@pytest.mark.parametrize("header", ["Content-Length: 999999999", "Expect: 100-continue\r\nContent-Length: 5"])
async def test_body_that_is_not_read_ends_the_connection(harness: LiveServer, header: str) -> None:
    client = await harness.connect()

    client.send(f"POST /channel/news/ HTTP/1.1\r\nHost: {EVIL}\r\n{header}\r\n\r\n".encode())
    response: Response = await client.response()

    assert (response.status, response.headers["connection"]) == (421, "close")
    assert await client.reader.read() == b""


async def test_chunked_body_is_dropped(harness: LiveServer) -> None:
    client = await harness.connect()
    head = f"POST /channel/news/ HTTP/1.1\r\nHost: {EVIL}\r\nTransfer-Encoding: chunked\r\n\r\n"

    client.send(head.encode() + b"10000\r\n" + b"x" * 0x10000 + b"\r\n0\r\n\r\n")

    assert (await client.response()).status == 421


async def test_client_that_leaves_in_the_middle_of_a_body_is_not_logged(
    harness: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = await harness.connect()
    client.send(f"POST /x HTTP/1.1\r\nHost: {EVIL}\r\nContent-Length: 5000\r\n\r\nabc".encode())

    await client.leave()
    await asyncio.sleep(0.05)

    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


async def test_rejected_hosts_are_logged_once_a_minute(
    harness: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    for _ in range(5):
        await status_of(harness, posted("/channel/news/", Host=EVIL))
        await status_of(harness, posted("/channel/news/", Host="a'b\x80"))

    lines = [each.getMessage() for each in caplog.records if each.name == "chateau.net.host_policy"]
    assert lines == [
        "a request to the host evil.example is refused with 421: --allow-host evil.example would accept it",
        "a request to the host (invalid) is refused with 421: "
        "expected a name of this server (see --allow-host)",
    ]


# Which servers check


@pytest.fixture
def listening() -> Iterator[Any]:
    sockets: list[socket.socket] = []

    def listen(*addresses: str) -> list[socket.socket]:
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family)
            sock.bind((address, 0))
            sockets.append(sock)
        return sockets

    yield listen
    for sock in sockets:
        sock.close()


def policy(sockets: list[socket.socket], **settings: Any) -> HostPolicy:
    return host_policy(Settings(data=MEMORY, **settings), sockets)


def test_server_on_another_address_accepts_every_host(listening: Any) -> None:
    assert policy(listening("0.0.0.0"), host="0.0.0.0").accepts(EVIL)
    assert policy(listening("0.0.0.0", "127.0.0.1"), host="x").accepts(EVIL)


def test_allow_host_switches_the_check_on_at_another_address(listening: Any) -> None:
    checked = policy(listening("0.0.0.0"), host="box.example", allow_host=("chat.example.org",))

    assert [checked.accepts(host) for host in ("chat.example.org", "box.example", "127.0.0.1", EVIL)] == [
        True,
        True,
        True,
        False,
    ]


def test_name_of_a_loopback_address_is_accepted(listening: Any) -> None:
    checked = policy(listening("127.0.0.1"), host="box.example")

    assert checked.accepts("BOX.example:80")
    assert not checked.accepts(EVIL)


@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.0.0.0/8", "::1", "unix,127.0.0.1"])
def test_trusted_proxy_on_a_loopback_address_needs_allow_host(listening: Any, proxy: str) -> None:
    sockets = listening("127.0.0.1")

    with pytest.raises(SettingsError, match=r"^--trusted-proxy on .* --allow-host"):
        policy(sockets, trusted_proxy=proxy)
    policy(sockets, trusted_proxy=proxy, allow_host=("chat.example.org",))
    policy(sockets, trusted_proxy="unix")
    policy(listening("0.0.0.0"), host="0.0.0.0", trusted_proxy=proxy)


def test_remembered_hosts_are_bounded() -> None:
    checked = HostPolicy(("*.example.org",))

    for number in range(10_000):
        assert checked.accepts(f"a{number}.example.org")

    assert len(checked._known) <= 256
