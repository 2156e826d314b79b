"""Trusted proxies: the address of a client, and a ban of one client behind a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tornado.httputil import HTTPHeaders

from chateau.net.proxies import FORWARDED_FOR, UNIX_ADDRESS, TrustedProxies

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer
    from raw_client import RawClient

PROXY = "10.0.0.1"
CLIENT = "203.0.113.7"

TABLE: list[tuple[str, tuple[str, ...], str, list[str], str]] = [
    # no trusted proxy
    ("nobody is trusted", (), PROXY, [CLIENT], PROXY),
    ("another is trusted", ("10.0.0.2",), PROXY, [CLIENT], PROXY),
    ("a client says where it is", (PROXY,), CLIENT, ["198.51.100.1"], CLIENT),
    # one proxy
    ("no header", (PROXY,), PROXY, [], PROXY),
    ("an empty header", (PROXY,), PROXY, [""], PROXY),
    ("nothing but commas", (PROXY,), PROXY, [", ,"], PROXY),
    ("one address", (PROXY,), PROXY, [CLIENT], CLIENT),
    ("white space around it", (PROXY,), PROXY, [f"9.9.9.9,\t  {CLIENT}"], CLIENT),
    ("a spoofed leftmost entry", (PROXY,), PROXY, [f"127.0.0.1, {CLIENT}"], CLIENT),
    ("a spoofed proxy", (PROXY,), PROXY, [f"1.1.1.1, {PROXY}, {CLIENT}"], CLIENT),
    ("many spoofed entries", (PROXY,), PROXY, ["9.9.9.9, " * 1_000 + CLIENT], CLIENT),
    ("a spoofed header before it", (PROXY,), PROXY, ["127.0.0.1", CLIENT], CLIENT),
    ("the last header counts", (PROXY,), PROXY, [f"{CLIENT}, 9.9.9.9", CLIENT], CLIENT),
    # chains
    ("two proxies", ("10.0.0.0/8",), PROXY, [f"{CLIENT}, 10.0.0.2"], CLIENT),
    ("two proxies, spoofed", ("10.0.0.0/8",), PROXY, [f"10.0.0.3, {CLIENT}, 10.0.0.2"], CLIENT),
    ("two headers", ("10.0.0.0/8",), PROXY, [CLIENT, "10.0.0.2"], CLIENT),
    ("one that is not trusted", (PROXY,), PROXY, [f"{CLIENT}, 10.0.0.2"], "10.0.0.2"),
    ("nobody but proxies", ("10.0.0.0/8",), PROXY, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ("proxies of two kinds", (PROXY, "2001:db8::/32"), PROXY, [f"{CLIENT}, 2001:db8::5"], CLIENT),
    ("a range with host bits", ("10.0.0.77/8",), PROXY, [CLIENT], CLIENT),
    ("everybody is trusted", ("0.0.0.0/0", "::/0"), PROXY, [f"9.9.9.9, {CLIENT}"], "9.9.9.9"),
    # garbage
    ("garbage", (PROXY,), PROXY, ["garbage"], PROXY),
    ("unknown", (PROXY,), PROXY, ["unknown"], PROXY),
    ("garbage before the client", (PROXY,), PROXY, [f"garbage, {CLIENT}"], CLIENT),
    ("garbage behind the client", (PROXY,), PROXY, [f"{CLIENT}, garbage"], PROXY),
    ("garbage behind a proxy", ("10.0.0.0/8",), PROXY, [f"{CLIENT}, x, 10.0.0.2"], "10.0.0.2"),
    ("a comma too much", (PROXY,), PROXY, [f"{CLIENT},"], PROXY),
    ("a port", (PROXY,), PROXY, [f"{CLIENT}:8080"], PROXY),
    ("brackets", (PROXY,), PROXY, ["[2001:db8::7]"], PROXY),
    ("a range", (PROXY,), PROXY, ["203.0.113.0/24"], PROXY),
    ("not ASCII", (PROXY,), PROXY, ["\xb2.1.1.1"], PROXY),
    ("zeros before digits", (PROXY,), PROXY, ["203.0.113.007"], PROXY),
    ("a number", (PROXY,), PROXY, ["3405803783"], PROXY),
    ("markup", (PROXY,), PROXY, ["<script>"], PROXY),
    # IPv6
    ("IPv6", ("::1",), "::1", ["2001:db8::7"], "2001:db8::7"),
    ("IPv6 in full", ("::1",), "::1", ["2001:0DB8:0:0:0:0:0:0007"], "2001:db8::7"),
    ("an IPv6 proxy in full", ("0:0:0:0:0:0:0:1",), "::1", [CLIENT], CLIENT),
    ("an IPv6 range", ("fd00::/8",), "fd12::9", [f"{CLIENT}, fd00::1"], CLIENT),
    ("IPv6 that is not trusted", ("::1",), "::2", [CLIENT], "::2"),
    # IPv4 inside IPv6
    ("a mapped proxy", (PROXY,), f"::ffff:{PROXY}", [CLIENT], CLIENT),
    ("a mapped client", (PROXY,), PROXY, [f"::ffff:{CLIENT}"], CLIENT),
    ("a mapped client in hexadecimal", (PROXY,), PROXY, ["::FFFF:cb00:7107"], CLIENT),
    ("a mapped proxy in the chain", ("10.0.0.0/8",), PROXY, [f"{CLIENT}, ::ffff:10.0.0.2"], CLIENT),
    ("a mapped client without a proxy", (), f"::ffff:{CLIENT}", [], CLIENT),
    # UNIX sockets
    ("a UNIX socket that is trusted", ("unix",), UNIX_ADDRESS, [CLIENT], CLIENT),
    ("a UNIX socket that is not", ("127.0.0.1",), UNIX_ADDRESS, [CLIENT], UNIX_ADDRESS),
    ("a UNIX socket without a header", ("unix",), UNIX_ADDRESS, [], UNIX_ADDRESS),
    ("unix applies only to UNIX sockets", ("unix",), "127.0.0.1", [CLIENT], "127.0.0.1"),
    ("a UNIX socket and a proxy", ("unix", PROXY), UNIX_ADDRESS, [f"{CLIENT}, {PROXY}"], CLIENT),
]


@pytest.mark.parametrize(
    ("proxies", "remote", "headers", "client"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_client_is_the_last_forwarded_address_that_is_not_a_trusted_proxy(
    request: pytest.FixtureRequest, proxies: tuple[str, ...], remote: str, headers: list[str], client: str
) -> None:
    sent = HTTPHeaders()
    for value in headers:
        sent.add(FORWARDED_FOR, value)

    assert TrustedProxies(proxies).client_address(remote, sent) == client


@pytest.mark.parametrize("proxy", [f"::ffff:{PROXY}", "::ffff:10.0.0.0/104"])
def test_proxy_may_be_an_ipv4_mapped_ipv6_address(proxy: str) -> None:
    for remote in (PROXY, f"::ffff:{PROXY}"):
        assert TrustedProxies((proxy,)).client_address(remote, HTTPHeaders({FORWARDED_FOR: CLIENT})) == CLIENT


@pytest.mark.parametrize("name", ["x-forwarded-for", "X-FORWARDED-FOR"])
def test_forwarded_header_name_is_case_insensitive(name: str) -> None:
    assert TrustedProxies((PROXY,)).client_address(PROXY, HTTPHeaders({name: CLIENT})) == CLIENT


@pytest.mark.parametrize("name", ["X-Real-Ip", "Forwarded", "X-Client-Ip", "Client-Ip", "X_Forwarded_For"])
def test_other_forwarding_headers_are_ignored(name: str) -> None:
    assert TrustedProxies((PROXY,)).client_address(PROXY, HTTPHeaders({name: CLIENT})) == PROXY


# Live


async def owner_of(harness: LiveServer) -> RawClient:
    return await harness.client(path="/functions")


async def ban(owner: RawClient, function: str, address: str) -> None:
    owner.send_json({"function": function, "ip": address, "secret_key": "swordfish"})
    response = await owner.receive_json()
    assert "error" not in response, response


async def statuses(harness: LiveServer, **headers: str) -> dict[str, Any]:
    """Return the response of each endpoint to a client with *headers*: an HTTP status, or an error code."""
    found: dict[str, Any] = {}
    for path, question in (
        ("/ws", {"type": 1, "username": "somebody"}),
        ("/functions", {"function": "retrieve_clients"}),
        ("/opcodes", {"op": 4}),
    ):
        client = await (await harness.connect(path=path)).upgrade(**headers)
        client.send_json(question)
        response = await client.receive_json()
        found[path] = response.get("code") or response.get("d", {}).get("code")
        await client.leave()
        await harness.until(lambda: harness.server.hub.usernames() == [])
    listener = await harness.connect(path="/channel/news/")
    listener.send(listener.handshake_request(**headers))
    found["subscribe"] = (await listener.response()).status
    stream = await harness.connect()
    found["stream"] = (await stream.get("/channel/news/", Accept="text/event-stream", **headers)).status
    for path, body in (("/channel/news/", b"x"), ("/broadcast/", b"{}")):
        publisher = await harness.connect(path=path)
        request = publisher.request(Content_Length=str(len(body)), **headers)
        publisher.send(request.replace(b"GET", b"POST", 1) + body)
        found[f"POST {path}"] = (await publisher.response()).status
    return found


WELCOME = {
    "/ws": None,
    "/functions": None,
    "/opcodes": None,
    "subscribe": 101,
    "stream": 200,
    "POST /channel/news/": 201,
    "POST /broadcast/": 201,
}
BANNED = {
    "/ws": "banned",
    "/functions": "banned",
    "/opcodes": "banned",
    "subscribe": 403,
    "stream": 403,
    "POST /channel/news/": 403,
    "POST /broadcast/": 403,
}


@pytest.mark.gen_test(timeout=20)
async def test_ban_of_a_forwarded_address_rejects_only_that_client(open_server: OpenServer) -> None:
    harness = open_server(trusted_proxy=("127.0.0.1",), secret_key="swordfish")
    owner = await owner_of(harness)

    await ban(owner, "ban_ip", CLIENT)

    assert await statuses(harness, X_Forwarded_For=CLIENT) == BANNED
    assert await statuses(harness, X_Forwarded_For=f"198.51.100.1, {CLIENT}") == BANNED
    assert await statuses(harness, X_Forwarded_For=f"::ffff:{CLIENT}") == BANNED
    assert await statuses(harness, X_Forwarded_For="203.0.113.8") == WELCOME
    assert await statuses(harness, X_Forwarded_For=f"{CLIENT}, 203.0.113.8") == WELCOME
    assert await statuses(harness) == WELCOME
    await ban(owner, "unban_ip", CLIENT)
    assert await statuses(harness, X_Forwarded_For=CLIENT) == WELCOME


@pytest.mark.gen_test(timeout=20)
async def test_forwarded_addresses_do_not_affect_bans_without_a_trusted_proxy(
    open_server: OpenServer,
) -> None:
    harness = open_server(secret_key="swordfish")
    owner = await owner_of(harness)

    await ban(owner, "ban_ip", CLIENT)

    assert await statuses(harness, X_Forwarded_For=CLIENT) == WELCOME
    harness.server.hub.access.ban("127.0.0.1")
    assert await statuses(harness, X_Forwarded_For="203.0.113.8") == BANNED
