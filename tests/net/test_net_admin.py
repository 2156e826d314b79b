"""The admin API over HTTP: every endpoint, every error response."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from admin_client import AdminClient, admin_client, checked, session_of
from raw_client import RawClient
from running_server import free_port

from chateau.net.admin_api import BODY_BYTES, DRAINED_BYTES, READINGS, STREAMS
from chateau.protocols.admin import ACTIONS

if TYPE_CHECKING:
    from captured_log import Log
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)

KEY = "swordfish"
DONE = {"status": 200}
ADDRESSES = [*READINGS, *STREAMS, *ACTIONS, "nowhere", "", "sessions/"]


@pytest.fixture
def transport() -> str:
    """One transport: the responses do not depend on it."""
    return "fast"


@pytest.fixture
def harness(open_server: OpenServer, io_loop: Any) -> LiveServer:
    """A server with a secret key."""

    async def opened() -> LiveServer:
        return open_server(secret_key=KEY)

    found: LiveServer = io_loop.run_sync(opened)
    return found


def ask(client: AdminClient, name: str, **headers: str) -> bytes:
    """Return a request for *name* with its method."""
    method = b"POST" if name in ACTIONS else b"GET"
    request = client.request(f"{client.path}{name}", Content_Length="2", **headers)
    return request.replace(b"GET", method, 1) + b"{}"


# Admission


@pytest.mark.parametrize("name", ADDRESSES)
async def test_every_endpoint_is_disabled_without_a_secret_key(open_server: OpenServer, name: str) -> None:
    client = await admin_client(open_server())

    client.send(ask(client, name, Authorization="Bearer swordfish"))

    assert checked(name, await client.response(), 403) == {
        "status": 403,
        "code": "access_denied",
        "error": "The admin API is off: start the server with --secret-key.",
    }


@pytest.mark.parametrize("name", ADDRESSES)
async def test_every_endpoint_requires_the_secret_key(harness: LiveServer, name: str) -> None:
    client = await admin_client(harness)

    client.send(ask(client, name))
    response = await client.response()

    assert checked(name, response, 401)["code"] == "access_denied"
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", "Bearer ", "Basic swordfish", "swordfish"])
async def test_wrong_key_is_rejected(harness: LiveServer, given: str) -> None:
    client = await admin_client(harness)

    client.send(ask(client, "sessions", Authorization=given))

    assert checked("sessions", await client.response(), 401)["code"] == "access_denied"


@pytest.mark.parametrize("given", ["bearer swordfish", "BEARER swordfish", "Bearer   swordfish"])
async def test_authorization_scheme_is_case_insensitive(harness: LiveServer, given: str) -> None:
    client = await admin_client(harness)

    client.send(ask(client, "sessions", Authorization=given))

    checked("sessions", await client.response())


async def test_secret_key_may_be_any_text(open_server: OpenServer) -> None:
    key = "Schlüssel 鍵"
    client = await admin_client(open_server(secret_key=key))

    client.send(ask(client, "bans", Authorization=f"Bearer {key}"))

    checked("bans", await client.response())


@pytest.mark.gen_test(timeout=20)
async def test_address_must_wait_after_five_wrong_keys(harness: LiveServer) -> None:
    client = await admin_client(harness)
    for _ in range(5):
        await client.read("sessions", status=401, key="guess")

    started_at = time.monotonic()
    await client.read("sessions", status=401, key="guess")
    other = await admin_client(harness)
    await other.do("ban", {"addresses": "192.0.2.1"})

    assert time.monotonic() - started_at > 1.9
    await other.read("sessions")  # this one has presented the key


async def test_attempts_that_are_too_many_are_refused(harness: LiveServer) -> None:
    client = await admin_client(harness)
    for _ in range(5):
        await client.read("sessions", status=401, key="guess")
    harness.server.hub.access.guesses.waiting_limit = 0

    assert (await client.read("sessions", status=429))["code"] == "rate_limited"
    assert (await client.do("ban", {"addresses": "192.0.2.1"}, status=429))["code"] == "rate_limited"
    client.send(ask(client, "bans", Authorization=f"Bearer {KEY}"))
    assert (await client.response()).headers["retry-after"] == "60"


@pytest.mark.gen_test(timeout=20)
async def test_wrong_keys_are_counted_by_the_forwarded_address(open_server: OpenServer) -> None:
    client = await admin_client(open_server(secret_key=KEY, trusted_proxy=["127.0.0.1"], allow_host=["*"]))
    for _ in range(5):
        client.send(ask(client, "bans", Authorization="Bearer guess", X_Forwarded_For="192.0.2.9"))
        checked("bans", await client.response(), 401)

    await client.read("bans")
    client.send(ask(client, "bans", Authorization=f"Bearer {KEY}", X_Forwarded_For="192.0.2.9"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.reader.readexactly(1)
    checked("bans", await client.response())


async def test_ban_of_the_address_of_the_admin_does_not_block_the_admin(harness: LiveServer) -> None:
    client = await admin_client(harness)

    await client.do("ban", {"addresses": "127.0.0.1"})
    alice = await harness.client()

    assert (await alice.ask({"type": 1, "username": "alice"}))["code"] == "banned"
    assert (await client.read("sessions"))["sessions"][0]["banned"] is True
    assert await client.do("unban", {"addresses": "127.0.0.1"}) == DONE
    await alice.enter("alice")


# Endpoints and methods


@pytest.mark.parametrize("name", ["", "nowhere", "sessions//", "kick/17", "Sessions", "%FF", "../admin/x"])
async def test_unknown_admin_endpoint_gets_404(harness: LiveServer, name: str) -> None:
    client = await admin_client(harness)

    response = await client.read(name, status=404)

    assert response["code"] == "unknown_type"


@pytest.mark.parametrize("name", ACTIONS)
async def test_action_rejects_other_methods(harness: LiveServer, name: str) -> None:
    client = await admin_client(harness)
    client.send(client.request(f"/admin/{name}", Authorization=f"Bearer {KEY}"))

    response = await client.response()

    assert checked(name, response, 405)["error"] == "This address takes the method POST."
    assert response.headers["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("name", [*READINGS, *STREAMS])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "BREW"])
async def test_query_rejects_other_methods(harness: LiveServer, name: str, method: str) -> None:
    client = await admin_client(harness)
    request = client.request(f"/admin/{name}", Authorization=f"Bearer {KEY}", Content_Length="0")
    client.send(request.replace(b"GET", method.encode(), 1))

    response = await client.response()

    assert checked(name, response, 405)["code"] == "unknown_type"
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_endpoint_is_served_only_under_the_prefix(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY, url_prefix="/chat")

    await (await admin_client(harness)).read("sessions")
    response = await (await admin_client(harness)).do("kick", {}, status=400)

    assert response["schema"] == "/chat/schemas/admin/kick-request.json"
    assert (await (await harness.connect()).get("/admin/sessions")).status == 404


async def test_admin_api_sends_no_cors_header(open_server: OpenServer) -> None:
    client = await admin_client(open_server(secret_key=KEY, allow_origin=["https://example.org"]))

    client.send(ask(client, "bans", Authorization=f"Bearer {KEY}", Origin="https://example.org"))

    assert "access-control-allow-origin" not in (await client.response()).headers


# Queries


async def test_sessions_are_listed_with_their_fields(harness: LiveServer) -> None:
    alice = await harness.member("alice", "lobby", "Quiet")
    await alice.ask({"type": 4})
    await harness.client(path="/channel/news/")

    response = await (await admin_client(harness)).read("sessions")

    first, second = response["sessions"]
    assert response["total"] == 2
    assert (first["protocol"], first["username"], first["rooms"]) == ("chateau", "alice", ["lobby", "Quiet"])
    assert (first["address"], first["received"], first["rate"]) == ("127.0.0.1", 4, None)
    assert first["port"] == alice.writer.get_extra_info("sockname")[1]
    assert (second["protocol"], second["username"], second["rooms"]) == ("channels", None, ["news"])
    assert (second["name"], second["received"]) == (f"#{second['id']}", 0)


async def test_message_count_includes_binary_messages_and_excludes_pings(harness: LiveServer) -> None:
    alice = await harness.client()
    alice.send(bytes.fromhex("8280 00000000 8980 00000000 8180 00000000"))  # binary, ping, text
    for _ in range(3):
        await alice.receive()

    (session,) = (await (await admin_client(harness)).read("sessions"))["sessions"]

    assert session["received"] == 2


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (2, 2), (3, 3), (10_000, 3)])
async def test_limit_applies_to_the_list_and_not_to_the_total(
    harness: LiveServer, limit: int, count: int
) -> None:
    for _ in range(3):
        await harness.client()

    response = await (await admin_client(harness)).read(f"sessions?limit={limit}")

    assert [session["id"] for session in response["sessions"]] == ["0", "1", "2"][:count]
    assert response["total"] == 3


async def test_session_ids_are_sorted_as_numbers(harness: LiveServer) -> None:
    for _ in range(11):
        await harness.client()

    response = await (await admin_client(harness)).read("sessions")

    assert [session["id"] for session in response["sessions"]] == [str(number) for number in range(11)]


async def test_rejected_client_is_not_listed(harness: LiveServer) -> None:
    client = await admin_client(harness)
    alice = await harness.member("alice", "news")
    protocol = await harness.client(path="/channel/news/")
    await client.do("close-room", {"room": "news"})
    late = await harness.connect(path="/channel/news/")
    late.send(late.handshake_request())
    assert (await late.response()).status == 403

    assert (await client.read("sessions"))["total"] == 2
    await protocol.leave()
    await alice.leave()
    await harness.until(lambda: harness.server.hub.session_count() == 0)
    assert (await client.read("sessions"))["sessions"] == []


async def test_ended_session_is_not_listed_while_its_connection_closes(
    open_server: OpenServer,
) -> None:
    harness = open_server(secret_key=KEY)
    stream = await harness.connect()
    stream.send(stream.request("/channel/news/", Accept="text/event-stream"))
    assert (await stream.response()).status == 200
    connections = harness.server._stream_group.connections
    await harness.until(lambda: len(connections) == 1)

    (connection,) = connections
    connection.disconnect(1008, "the client does not close its side")
    assert len(connections) == 1

    assert await (await admin_client(harness)).read("sessions") == {"sessions": [], "total": 0}


async def test_outbox_bytes_of_a_slow_reader_are_listed(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY, max_outbox=50_000_000)
    slow = await harness.client(receive_buffer_bytes=4096)
    slow.send_json({"type": 1, "username": "slow"})
    alice = await harness.member("alice")
    client = await admin_client(harness)

    waiting, count = 0, 0
    while not waiting:
        await alice.ask({"type": 3, "clients": ["slow"], "content": "x" * 100_000})
        (waiting,) = [
            session["outbox_bytes"]
            for session in (await client.read("sessions"))["sessions"]
            if session["name"] == "slow"
        ]
        count += 1
        assert count < 400

    assert waiting >= 1_000


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001", "limit=", "many=3", "limit=1&a=b"])
async def test_query_that_violates_its_schema_is_rejected(harness: LiveServer, query: str) -> None:
    response = await (await admin_client(harness)).read(f"sessions?{query}", status=400)

    assert response["code"] == "invalid_message"
    assert response["schema"] == "/schemas/admin/sessions-request.json"


async def test_rooms_are_listed_with_their_states(harness: LiveServer) -> None:
    await harness.member("alice", "lobby", "staff")
    await harness.client(path="/channel/lobby/")
    client = await admin_client(harness)
    await client.do("lock-room", {"room": "staff", "password": "x"})

    lobby, staff = (await client.read("rooms"))["rooms"]

    assert (lobby["room"], lobby["members"], lobby["listeners"]) == ("lobby", 1, 1)
    assert (staff["room"], staff["locked"], staff["closed"]) == ("staff", True, False)


async def test_bans_are_listed_in_order_of_creation(harness: LiveServer) -> None:
    client = await admin_client(harness)
    for addresses in ("192.0.2.9", "192.0.2.0/30", "2001:db8::/32"):
        await client.do("ban", {"addresses": addresses})

    assert await client.read("bans") == {"addresses": ["192.0.2.9", "192.0.2.0/30", "2001:db8::/32"]}


# Actions


async def test_kicked_websocket_receives_the_reason_and_is_closed(harness: LiveServer) -> None:
    alice = await harness.member("alice", "lobby")
    client = await admin_client(harness)

    assert await client.do("kick", {"session": "0", "reason": "be kind"}) == DONE

    await alice.reply_to_close(1008, "kicked: be kind")
    assert (await client.read("sessions"))["total"] == 0
    await harness.member("alice")  # the name is free


async def test_long_reason_is_truncated_at_a_whole_character(harness: LiveServer) -> None:
    alice = await harness.client()

    await (await admin_client(harness)).do("kick", {"session": "0", "reason": "é" * 500})

    code, reason = await alice.closing()
    assert (code, reason) == (1008, "kicked: " + "é" * 57)
    assert len(reason.encode()) == 122  # of 123


async def test_kicked_lines_client_receives_the_reason(open_server: OpenServer) -> None:
    port = free_port()
    harness = open_server(secret_key=KEY, lines_port=port)
    bob = await RawClient.connect(port)
    bob.send(b"LOGIN bob\n")
    assert b"commandResult" in await bob.reader.readline()

    await (await admin_client(harness)).do("kick", {"session": await session_of(harness, "bob")})

    assert json.loads(await bob.end()) == {"type": "error", "error": "kicked"}
    await bob.leave()
    await harness.until(lambda: harness.server.hub.session_count() == 0)


@pytest.mark.parametrize("path", ["/functions", "/opcodes", "/channel/news/"])
async def test_sessions_of_every_protocol_can_be_kicked(harness: LiveServer, path: str) -> None:
    client = await harness.client(path=path)
    (session,) = (await (await admin_client(harness)).read("sessions"))["sessions"]

    await (await admin_client(harness)).do("kick", {"session": session["id"]})

    await client.reply_to_close(1008, "kicked")


async def test_kicked_event_stream_ends(harness: LiveServer) -> None:
    stream = await harness.connect()
    stream.send(stream.request("/channel/news/", Accept="text/event-stream"))
    assert (await stream.response()).status == 200
    await harness.until(lambda: harness.server.hub.session_count() == 1)

    await (await admin_client(harness)).do("kick", {"session": "0"})

    assert await stream.end() == b""


async def test_kick_of_an_unknown_session_gets_404(harness: LiveServer) -> None:
    response = await (await admin_client(harness)).do("kick", {"session": "17"}, status=404)

    assert response["code"] == "unknown_session"


async def test_room_is_moderated(harness: LiveServer) -> None:
    alice = await harness.member("alice", "lobby")
    bob = await harness.member("bob", "lobby")
    client = await admin_client(harness)

    await client.do("close-room", {"room": "lobby"})
    assert (await bob.receive_until("state"))["available"] is False
    assert (await bob.ask({"type": 7, "room": "lobby", "content": "x"}))["code"] == "access_denied"
    await client.do("open-room", {"room": "lobby"})
    assert (await bob.receive_until("state"))["available"] is True
    await client.do("lock-room", {"room": "lobby", "password": "x"})
    assert (await bob.receive_until("state"))["available"] is False
    await client.do("ban-from-room", {"room": "lobby", "username": "bob"})
    assert (await alice.receive_until("left"))["username"] == "bob"
    assert (await client.read("rooms"))["rooms"][0]["banned"] == ["bob"]
    await client.do("unban-from-room", {"room": "lobby", "username": "bob"})
    response = await bob.ask({"type": 5, "room": "lobby", "password": "x"})
    assert response["members"] == ["alice", "bob"]
    await client.do("delete-room", {"room": "lobby"})
    assert (await client.read("rooms"))["rooms"] == []


async def test_deleting_an_unknown_room_gets_404(harness: LiveServer) -> None:
    response = await (await admin_client(harness)).do("delete-room", {"room": "lobby"}, status=404)

    assert response["code"] == "unknown_room"


async def test_shutdown_is_requested_with_a_reason(harness: LiveServer) -> None:
    alice = await harness.member("alice")

    assert await (await admin_client(harness)).do("shutdown", {"reason": "Maintenance"}) == DONE

    assert await harness.server.stopping == "Maintenance"
    draining = asyncio.create_task(harness.server.drain("Maintenance"))
    assert (await alice.receive_until("shutdown"))["reason"] == "Maintenance"
    await alice.reply_to_close(1001, "server shutdown")
    await draining


# Bodies


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b"[]", "not_an_object"),
        (b"{}", "invalid_message"),
        (b'{"session": 17}', "invalid_message"),
    ],
)
async def test_invalid_body_is_rejected(harness: LiveServer, body: bytes, code: str) -> None:
    assert (await (await admin_client(harness)).do("kick", body, status=400))["code"] == code


async def test_longest_body_is_accepted(harness: LiveServer) -> None:
    body = b"{}".ljust(BODY_BYTES)

    assert await (await admin_client(harness)).do("shutdown", body) == DONE


@pytest.mark.parametrize("size", [BODY_BYTES + 1, DRAINED_BYTES])
async def test_too_long_body_is_rejected_and_the_connection_continues(harness: LiveServer, size: int) -> None:
    client = await admin_client(harness)

    assert (await client.do("shutdown", b" " * size, status=413))["code"] == "too_large"

    assert not harness.server.stopping.done()
    await client.read("bans")


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_far_too_long_body_is_not_read(harness: LiveServer, is_chunked: bool) -> None:
    client = await admin_client(harness)
    size = DRAINED_BYTES + 1
    length = {"Content_Length": str(size)}
    if is_chunked:
        length = {"Transfer_Encoding": "chunked"}
    request = client.request("/admin/kick", Authorization=f"Bearer {KEY}", **length)

    client.send(request.replace(b"GET", b"POST", 1))
    if is_chunked:
        client.send(b"%x\r\n" % size + b" " * size)

    assert checked("kick", await client.response(), 413)["code"] == "too_large"


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_long_body_without_the_key_gets_the_error_of_a_missing_key(
    harness: LiveServer, is_chunked: bool
) -> None:
    client = await admin_client(harness)
    size = DRAINED_BYTES + 1
    length = {"Transfer_Encoding": "chunked"} if is_chunked else {"Content_Length": str(size)}

    client.send(client.request("/admin/kick", **length).replace(b"GET", b"POST", 1))
    if is_chunked:
        client.send(b"%x\r\n" % size + b" " * size)

    checked("kick", await client.response(), 401)


async def test_one_connection_serves_many_requests(harness: LiveServer) -> None:
    client = await admin_client(harness)
    client.send(
        client.posted("ban", {"addresses": "192.0.2.1"})
        + client.posted("ban", {"addresses": "x"})
        + client.request("/admin/bans", Authorization=f"Bearer {KEY}")
    )

    assert (await client.response()).status == 200
    assert (await client.response()).status == 400
    assert json.loads((await client.response()).body) == {"addresses": ["192.0.2.1"]}


async def test_unexpected_exception_gets_500_and_is_logged(
    harness: LiveServer, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACTIONS, "shutdown", lambda admin, request: 1 // 0)
    client = await admin_client(harness)

    assert (await client.do("shutdown", status=500))["code"] == "internal"

    (line,) = log.taken()
    assert line.startswith("Uncaught exception POST /admin/shutdown")
    await client.read("bans")
