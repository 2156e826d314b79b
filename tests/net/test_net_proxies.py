"""Trusted proxies: the address of a client, and a ban of one client behind a proxy."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
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
    ("a port", (PROXY,), PROXY, [f"{CLIENT}:8080"], CLIENT),
    ("brackets", (PROXY,), PROXY, ["[2001:db8::7]"], "2001:db8::7"),
    ("a range", (PROXY,), PROXY, ["203.0.113.0/24"], PROXY),
    ("not ASCII", (PROXY,), PROXY, ["\xb2.1.1.1"], PROXY),
    ("zeros before digits", (PROXY,), PROXY, ["203.0.113.007"], PROXY),
    ("a number", (PROXY,), PROXY, ["3405803783"], PROXY),
    ("markup", (PROXY,), PROXY, ["<script>"], PROXY),
    # ports, brackets, quotation marks
    ("a port after IPv6", (PROXY,), PROXY, ["[2001:db8::7]:51234"], "2001:db8::7"),
    ("brackets around IPv4", (PROXY,), PROXY, [f"[{CLIENT}]:80"], CLIENT),
    ("quotation marks", (PROXY,), PROXY, [f'"{CLIENT}"'], CLIENT),
    ("everything at once", (PROXY,), PROXY, ['9.9.9.9, "[2001:DB8::7]:80"'], "2001:db8::7"),
    ("a zone", (PROXY,), PROXY, ["fe80::7%eth0"], "fe80::7"),
    ("a port of a proxy", ("10.0.0.0/8",), PROXY, [f"{CLIENT}:1, 10.0.0.2:443"], CLIENT),
    ("an obfuscated port", (PROXY,), PROXY, [f"{CLIENT}:_x"], CLIENT),
    ("a port that is none", (PROXY,), PROXY, [f"{CLIENT}:port"], PROXY),
    ("two ports", (PROXY,), PROXY, [f"{CLIENT}:80:80"], PROXY),
    ("an open bracket", (PROXY,), PROXY, ["[2001:db8::7"], PROXY),
    ("an obfuscated name", (PROXY,), PROXY, ["_hidden"], PROXY),
    ("very long", (PROXY,), PROXY, ["1" + " " * 60_000 + CLIENT], PROXY),
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


FORWARDED_TABLE: list[tuple[str, tuple[str, ...], list[str], str]] = [
    ("one address", (PROXY,), [f"for={CLIENT}"], CLIENT),
    ("letter case", (PROXY,), [f"For={CLIENT};PROTO=https"], CLIENT),
    ("quotation marks", (PROXY,), [f'for="{CLIENT}"'], CLIENT),
    ("a port", (PROXY,), [f'for="{CLIENT}:8080"'], CLIENT),
    ("a port without quotation marks", (PROXY,), [f"for={CLIENT}:8080"], CLIENT),
    ("IPv6", (PROXY,), ['for="[2001:db8:cafe::17]"'], "2001:db8:cafe::17"),
    ("IPv6 and a port", (PROXY,), ['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
    ("escapes", (PROXY,), ['for="\\2\\0\\3.0.113.7"'], CLIENT),
    ("all parameters", (PROXY,), [f"by=10.0.0.1;for={CLIENT};host=x;proto=http"], CLIENT),
    ("spaces", (PROXY,), [f"by=x ; for={CLIENT} ; proto=http"], CLIENT),
    ("an extension", (PROXY,), [f'for={CLIENT};secret="a b"'], CLIENT),
    ("a spoofed element", (PROXY,), [f"for=9.9.9.9, for={CLIENT}"], CLIENT),
    ("a spoofed open quotation mark", (PROXY,), [f'for="9.9.9.9, for={CLIENT}'], CLIENT),
    ("a spoofed escape", (PROXY,), [f'for="\\", for="{CLIENT}"'], CLIENT),
    ("several headers", ("10.0.0.0/8",), [f"for={CLIENT}", "for=10.0.0.2"], CLIENT),
    ("a chain", ("10.0.0.0/8",), [f"for={CLIENT}, for=10.0.0.2;by=10.0.0.1"], CLIENT),
    ("unknown", (PROXY,), ["for=unknown"], PROXY),
    ("obfuscated", (PROXY,), ["for=_gazonk"], PROXY),
    ("obfuscated behind a proxy", ("10.0.0.0/8",), ["for=_gazonk, for=10.0.0.2"], "10.0.0.2"),
    ("no address", (PROXY,), ["proto=https"], PROXY),
    ("empty", (PROXY,), [""], PROXY),
    ("garbage", (PROXY,), ['=;,"'], PROXY),
    ("very long", (PROXY,), ["for=x" + " " * 60_000 + CLIENT], PROXY),
    ("many", ("0.0.0.0/0",), [", ".join(["for=10.0.0.9"] * 3_000)], "10.0.0.9"),
]


@pytest.mark.parametrize(
    ("proxies", "headers", "client"),
    [row[1:] for row in FORWARDED_TABLE],
    ids=[row[0] for row in FORWARDED_TABLE],
)
def test_client_in_the_standard_header_is_found(
    proxies: tuple[str, ...], headers: list[str], client: str
) -> None:
    sent = HTTPHeaders()
    for value in headers:
        sent.add("Forwarded", value)

    assert TrustedProxies(proxies).client_address(PROXY, sent) == client
    assert TrustedProxies().client_address(PROXY, sent) == PROXY


def test_forwarded_for_counts_if_a_request_has_both_headers() -> None:
    sent = HTTPHeaders({"Forwarded": "for=9.9.9.9", "X-Forwarded-For": CLIENT})

    assert TrustedProxies((PROXY,)).client_address(PROXY, sent) == CLIENT


def test_header_that_cannot_be_read_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    proxies = TrustedProxies((PROXY, "10.0.0.2"))

    for number in range(20):
        proxies.client_address(PROXY, HTTPHeaders({FORWARDED_FOR: f"garbage\x1b{number}"}))
        proxies.client_address("10.0.0.2", HTTPHeaders({"forwarded": f"for=_x{number}"}))
        proxies.scheme_of(context(PROXY), HTTPHeaders({"x-forwarded-proto": f"gopher{number}"}))

    assert [each.getMessage() for each in caplog.records] == [
        f"the trusted proxy {PROXY} sends a header x-forwarded-for that cannot be read: "
        "'garbage\\\\x1b0'; it is ignored",
        "the trusted proxy 10.0.0.2 sends a header forwarded that cannot be read: 'for=_x0'; it is ignored",
        f"the trusted proxy {PROXY} sends a header x-forwarded-proto that cannot be read: 'gopher0'; "
        "it is ignored",
    ]


# The scheme


def context(remote: str, protocol: str = "http") -> Any:
    """Return a connection's context, as Tornado's."""
    return SimpleNamespace(remote_ip=remote, protocol=protocol, _orig_protocol=protocol)


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({}, "http"),
        ({"X-Forwarded-Proto": "https"}, "https"),
        ({"x-forwarded-proto": "HTTPS"}, "https"),
        ({"X-Forwarded-Proto": ' "https" '}, "https"),
        ({"X-Forwarded-Proto": "wss"}, "https"),
        ({"X-Forwarded-Proto": "ws"}, "http"),
        ({"X-Forwarded-Proto": "https, http"}, "https"),
        ({"X-Forwarded-Proto": "http,https", "X-Forwarded-For": f"9.9.9.9, {CLIENT}"}, "https"),
        ({"X-Forwarded-Proto": "https,http", "X-Forwarded-For": CLIENT}, "https"),
        ({"X-Forwarded-Proto": ""}, "http"),
        ({"X-Forwarded-Proto": "javascript"}, "http"),
        ({"X-Forwarded-Proto": "http", "Forwarded": "proto=https"}, "http"),
        ({"Forwarded": f"for={CLIENT};proto=https"}, "https"),
        ({"Forwarded": f'for={CLIENT};Proto="HTTPS"'}, "https"),
        ({"Forwarded": "proto=https"}, "https"),
        ({"Forwarded": "for=unknown;proto=https"}, "https"),
        ({"Forwarded": f"for=9.9.9.9;proto=http, for={CLIENT};proto=https"}, "https"),
        ({"Forwarded": f"for={CLIENT}"}, "http"),
    ],
)
def test_scheme_of_the_client_is_that_of_the_trusted_proxy(headers: dict[str, str], scheme: str) -> None:
    sent = HTTPHeaders(headers)

    assert TrustedProxies((PROXY,)).scheme_of(context(PROXY), sent) == scheme
    assert TrustedProxies().scheme_of(context(PROXY), sent) == "http"
    assert TrustedProxies((PROXY,)).scheme_of(context(CLIENT), sent) == "http"
    assert TrustedProxies((PROXY,)).scheme_of(context(CLIENT, "https"), sent) == "https"


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
    harness = open_server(trusted_proxy=("127.0.0.1",), allow_host=("*",), secret_key="swordfish")
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


@pytest.mark.gen_test
@pytest.mark.parametrize("transport", ["fast", "tornado"], indirect=True)
async def test_documents_and_pages_have_the_scheme_of_each_request(open_server: OpenServer) -> None:
    harness = open_server(trusted_proxy=("127.0.0.1",), allow_host=("chat.example.org",))
    client = await harness.connect()

    for headers, scheme in (
        ({"X_Forwarded_Proto": "https"}, "https"),
        ({}, "http"),
        ({"Forwarded": f"for={CLIENT};proto=https"}, "https"),
        ({"X_Forwarded_Proto": "x"}, "http"),
    ):
        given = {"Host": "chat.example.org"} | headers
        openapi = json.loads((await client.get("/openapi.json", **given)).body)
        asyncapi = json.loads((await client.get("/asyncapi.json", **given)).body)
        console = (await client.get("/", **given)).body.decode()

        assert openapi["servers"][0]["url"] == f"{scheme}://chat.example.org"
        secure = "s" if scheme == "https" else ""
        assert asyncapi["servers"]["websocket"]["protocol"] == f"ws{secure}"
        assert f"ws{secure}://chat.example.org/ws" in console


@pytest.mark.gen_test
async def test_scheme_of_other_clients_is_not_changed(harness: LiveServer) -> None:
    openapi = json.loads(
        (await (await harness.connect()).get("/openapi.json", X_Forwarded_Proto="gopher")).body
    )

    assert openapi["servers"][0]["url"].startswith("https://" if harness.tls else "http://")
