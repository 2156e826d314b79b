"""Subscribers of channels over WebSockets, and concurrent publishers, on each transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import BINARY, CLOSE, TEXT, ServerFrame, client_frame, close, text
from raw_client import RawClient, Response

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)

TINY_BUFFER = 4096
MARK = b"-- the end of the test --"


class Publisher:
    """A client that publishes repeatedly on one connection."""

    def __init__(self, client: RawClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def publish(self, name: str, body: bytes, kind: str = "text") -> Response:
        host = self._client.host
        head = f"POST {self._prefix}/channel/{name} HTTP/1.1\r\nHost: {host}\r\nPackage-Type: {kind}\r\n"
        self._client.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return await self._client.response()

    async def delivered(self, name: str, body: bytes, kind: str = "text") -> int:
        """Publish, and return the number of recipients."""
        response = await self.publish(name, body, kind)
        assert response.status == 201, response
        assert response.body == b'"OK"'
        return int(response.headers["x-delivered"])


async def publisher(harness: LiveServer) -> Publisher:
    return Publisher(await harness.connect(), harness.server.settings.url_prefix)


async def protocol(harness: LiveServer, name: str = "news/", **options: Any) -> RawClient:
    prefix = harness.server.settings.url_prefix
    return await harness.client(path=f"{prefix}/channel/{name}", **options)


async def rejection(harness: LiveServer, name: str, **headers: str) -> Response:
    """Return the error of a rejected handshake."""
    client = await harness.connect(path=f"/channel/{name}")
    client.send(client.handshake_request(**headers))
    response = await client.response()
    assert response.status != 101
    assert harness.server.hub.session_count() == harness.connections
    return response


def publication_frame(content: bytes) -> ServerFrame:
    return ServerFrame(TEXT, content)


# Names


@pytest.mark.parametrize(
    ("subscribed", "published"),
    [
        ("news/", "news"),
        ("news", "news/"),
        ("NEWS", "news"),
        ("%20News%20/", "nEWS"),
        ("a_b", "a:b"),
        ("A_B", "a%3ab"),
        ("a__b_", "a::b:"),
        ("room:1/", "room_1/"),
        ("caf%C3%A9", "CAF%C3%89"),
        ("a%2Fb", "a%2fb"),
        ("a+b", "a%2Bb"),
        ("a%20b", "A%20B"),
        ("news?token=x", "news"),
        ("%E4%B8%96%E7%95%8C/?a=/b/", "%E4%B8%96%E7%95%8C"),
        ("." * 64, "." * 64),
    ],
)
async def test_channel_is_found_in_any_spelling(harness: LiveServer, subscribed: str, published: str) -> None:
    client, sender = await protocol(harness, subscribed), await publisher(harness)

    assert await sender.delivered(published, b"hello") == 1

    assert await client.receive() == publication_frame(b"hello")


@pytest.mark.parametrize("name", ["other", "new", "newss", "news%3A", "n%20ews"])
async def test_publications_of_other_channels_are_not_received(harness: LiveServer, name: str) -> None:
    client, sender = await protocol(harness), await publisher(harness)

    assert await sender.delivered(name, b"nobody hears this") == 0
    assert await sender.delivered("news", MARK) == 1

    assert await client.receive() == publication_frame(MARK)


@pytest.mark.parametrize("name", ["%20", "%00", "a%0Ab", "%7F/", "x" * 65, "%EF%BB%BF"])
async def test_invalid_channel_name_is_rejected_for_subscribers_and_publishers(
    harness: LiveServer, name: str
) -> None:
    sender = await publisher(harness)

    refused = await rejection(harness, name)

    assert refused.status == 400
    assert b"cannot be a name" in refused.body
    assert (await sender.publish(name, b"x")).status == 400


async def test_unescaped_utf_8_name_is_one_channel_for_subscribers_and_publishers(
    harness: LiveServer,
) -> None:
    client, sender = await protocol(harness, "café"), await publisher(harness)

    assert await sender.delivered("café", b"hello") == 1

    assert await client.receive() == publication_frame(b"hello")


@pytest.mark.parametrize("path", ["", "/", "a/b", "a//", "a/b/"])
async def test_other_paths_are_not_channels(harness: LiveServer, path: str) -> None:
    assert (await rejection(harness, path)).status == 404


async def test_channel_paths_have_the_prefix(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/chat")
    client, sender = await protocol(harness), await publisher(harness)

    assert await sender.delivered("news", b"hello") == 1

    assert await client.receive() == publication_frame(b"hello")


# Publications


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text", b"hello"),
        ("text", b""),
        ("text", "Grüße, 世界 👋\r\n\x00\ufeff".encode()),
        ("Text", b"{not json"),
        ("text", b"close"),
        ("text", b"x" * 125),
        ("text", b"x" * 126),
        ("text", b"x" * 65_535),
        ("text", b"x" * 65_536),
        ("text", b"x" * 1_048_576),
        ("json", b'{"a" :\t1.50,\r\n "a": 2, "b": 1E-7}'),
        ("JSON", b' [1.0, 10000000000000000000000, "\\u00fc\\/"] '),
        ("json", b"null"),
        ("bytes", bytes(range(256))),
        ("Bytes", b""),
        ("bytes", b"\xff" * 1_048_576),
    ],
)
async def test_publication_is_delivered_unchanged(harness: LiveServer, kind: str, body: bytes) -> None:
    client, sender = await protocol(harness), await publisher(harness)

    assert await sender.delivered("news", body, kind) == 1

    expected = BINARY if kind.lower() == "bytes" else TEXT
    assert await client.receive() == ServerFrame(expected, body)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text", b"\xff", 400),
        ("json", b"", 400),
        ("json", b"{", 400),
        ("json", b"NaN", 400),
        ("json", b"1 2", 400),
        ("json", b'"\xff"', 400),
        ("xml", b"<a/>", 400),
        ("", b"x", 400),
        ("text", b"x" * 1_048_577, 413),
    ],
)
async def test_rejected_publication_is_not_delivered(
    harness: LiveServer, kind: str, body: bytes, status: int
) -> None:
    client, sender = await protocol(harness), await publisher(harness)

    response = await sender.publish("news", body, kind)

    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-error"]
    assert await (await publisher(harness)).delivered("news", MARK) == 1
    assert await client.receive() == publication_frame(MARK)


async def test_publications_of_all_kinds_keep_their_order(harness: LiveServer) -> None:
    client, sender = await protocol(harness), await publisher(harness)
    kinds = ("text", "json", "bytes")

    for number in range(300):
        assert await sender.delivered("news", b"%d" % number, kinds[number % 3]) == 1

    for number in range(300):
        opcode = BINARY if number % 3 == 2 else TEXT
        assert await client.receive() == ServerFrame(opcode, b"%d" % number)


async def test_messages_reach_subscribers_and_publications_reach_members(harness: LiveServer) -> None:
    client, sender = await protocol(harness, "LOBBY"), await publisher(harness)
    alice = await harness.member("alice", "Lobby")
    assert (await client.receive_json())["event"] == "joined"

    assert (await alice.ask({"type": 7, "room": "lobby", "content": "hi"}))["status"] == 200
    received = await client.receive_json()
    assert list(received) == ["room", "sender", "content", "seq", "id", "time"]
    assert (received["sender"], received["content"]) == ("alice", "hi")
    assert await sender.delivered("lobby", b"\x00\xff", "bytes") == 2

    assert await client.receive() == ServerFrame(BINARY, b"\x00\xff")
    while (push := await alice.receive_json()).get("sender") != "channel":
        pass
    assert push["content"] == "AP8="


# Input of subscribers


async def test_text_close_ends_the_subscription(harness: LiveServer) -> None:
    client = await protocol(harness)

    client.send(text("close"))

    await client.reply_to_close(1000, "")
    await harness.until(lambda: not harness.connections)
    assert harness.server.hub.session_count() == 0


@pytest.mark.parametrize(
    "frame",
    [
        text("hello"),
        text("Close"),
        text(" close "),
        text("close\n"),
        text('"close"'),
        text('{"type": 1, "username": "mallory"}'),
        text(""),
        text("x" * 1_048_576),
        client_frame(BINARY, b"close"),
        client_frame(BINARY, bytes(range(256))),
    ],
)
async def test_other_texts_of_a_subscriber_are_ignored(harness: LiveServer, frame: bytes) -> None:
    client, other = await protocol(harness), await protocol(harness)
    sender = await publisher(harness)

    client.send(frame)
    await asyncio.sleep(0.02)

    assert await sender.delivered("news", MARK) == 2
    assert await client.receive() == publication_frame(MARK)
    assert await other.receive() == publication_frame(MARK)
    assert harness.server.hub.usernames() == []


async def test_close_may_be_fragmented_and_follow_other_texts(harness: LiveServer) -> None:
    client = await protocol(harness)

    client.send(text("hello") + client_frame(TEXT, b"clo", final=False) + client_frame(0, b"se") + text("x"))

    await client.reply_to_close(1000, "")


async def test_too_long_frame_closes_with_1009(open_server: OpenServer) -> None:
    harness = open_server(max_frame=4096)
    client = await protocol(harness)

    client.send(text("x" * 4097))

    assert (await client.closing())[0] == 1009


# Access


@pytest.mark.parametrize("origin", ["https://example.org", "null"])
async def test_request_from_another_origin_is_rejected(harness: LiveServer, origin: str) -> None:
    assert (await rejection(harness, "news/", Origin=origin)).status == 403


async def test_closed_or_locked_room_rejects_subscribers_until_reopened(open_server: OpenServer) -> None:
    harness = open_server(secret_key="swordfish")
    sender, admin = await publisher(harness), await harness.client(path="/opcodes")

    async def command(line: str) -> None:
        admin.send_json({"op": 1, "d": {"content": line}})
        admin.send_json({"op": 4})
        while (await admin.receive_json())["op"] != 4:
            pass

    for line in ("alice", "!auth swordfish", "!join closed", "!close closed", "!lock locked word"):
        await command(line)
    await command("!join locked")
    await command("!lock locked word")

    for name in ("closed", "locked"):
        assert (await rejection(harness, name)).status == 403
        assert (await sender.publish(name, b"x")).status == 403
    await command("!open closed")
    await command("!unlock locked")
    for name in ("closed", "locked"):
        client = await protocol(harness, name)
        assert await sender.delivered(name, b"hello") >= 1
        assert await client.receive() == publication_frame(b"hello")


async def test_banned_address_is_rejected(harness: LiveServer) -> None:
    harness.server.hub.access.ban("127.0.0.0/8")

    response = await rejection(harness, "news")

    assert response.status == 403
    assert b"banned" in response.body


async def test_password_is_required_from_publishers_only(open_server: OpenServer) -> None:
    harness = open_server(pwd="swordfish")
    client, sender = await protocol(harness), await publisher(harness)

    assert (await sender.publish("news", b"x")).status == 403
    assert await sender.delivered("news?pwd=swordfish", b"hello") == 1

    assert await client.receive() == publication_frame(b"hello")


# Connecting and disconnecting


async def test_delivered_header_counts_the_subscribers(harness: LiveServer) -> None:
    sender = await publisher(harness)
    clients = []
    for count in range(4):
        assert await sender.delivered("news", b"x") == count
        clients.append(await protocol(harness))
    for client in clients[:2]:
        client.send(close(1000))
        await client.end()
    clients[2].reset()
    await harness.until(lambda: harness.connections == 1)

    assert await sender.delivered("news", b"x") == 1


async def test_publishing_continues_while_subscribers_connect_and_disconnect(harness: LiveServer) -> None:
    """Permanent subscribers receive all publications, temporary ones a part without a gap."""
    count = 400
    sender, steady = await publisher(harness), await protocol(harness)
    is_over = False

    async def publish() -> None:
        nonlocal is_over
        for number in range(count):
            assert await sender.delivered("news", b"%d" % number) >= 1
        is_over = True

    async def visit(way: int) -> None:
        while not is_over:
            client = await protocol(harness)
            received = []
            for _ in range(5):
                frame = await client.receive()
                received.append(int(frame.payload))
                if received[-1] == count - 1:
                    return
            assert received == list(range(received[0], received[0] + 5))
            if way == 0:
                client.reset()
            elif way == 1:
                client.send(text("close"))
                while (await client.receive()).opcode != CLOSE:
                    pass
                await client.leave()
            else:
                await client.leave()

    async def visit_until_the_end(way: int) -> None:
        visiting = asyncio.create_task(visit(way))
        await publishing
        await asyncio.wait([visiting], timeout=0.2)
        visiting.cancel()
        await asyncio.gather(visiting, return_exceptions=True)
        if visiting.done() and not visiting.cancelled():
            visiting.result()

    publishing = asyncio.create_task(publish())
    await asyncio.gather(*(visit_until_the_end(way) for way in range(3)))

    assert [int((await steady.receive()).payload) for _ in range(count)] == list(range(count))


async def test_slow_subscriber_is_disconnected_without_affecting_others(open_server: OpenServer) -> None:
    harness = open_server(max_outbox=300_000)
    sender, quick = await publisher(harness), await protocol(harness)
    slow = await protocol(harness, receive_buffer_bytes=TINY_BUFFER)

    count = 0
    while harness.server.hub.session_count() == 2:
        await sender.publish("news", b"x" * 100_000, "bytes")
        assert len((await quick.receive()).payload) == 100_000
        count += 1
        assert count < 400

    while (frame := await slow.receive()).opcode == BINARY:
        assert len(frame.payload) == 100_000
    assert (frame.opcode, frame.code, frame.reason) == (CLOSE, 1008, "slow consumer")
    assert await sender.delivered("news", MARK) == 1
    assert await quick.receive() == publication_frame(MARK)


async def test_subscribers_receive_the_shutdown_and_are_closed(harness: LiveServer) -> None:
    clients = [await protocol(harness), await protocol(harness, "other")]

    draining = asyncio.create_task(harness.server.drain("maintenance"))

    for client in clients:
        assert await client.receive_json() == {"event": "shutdown", "reason": "maintenance"}
        await client.reply_to_close(1001, "server shutdown")
    await draining
