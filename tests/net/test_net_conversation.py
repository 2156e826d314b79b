"""Conversations of clients over real sockets, on each transport."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    ServerFrame,
    client_frame,
    close,
    text,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=20)

REGISTER = {"type": 1, "username": "alice"}
REGISTERED = {"type": 1, "status": 200}
LIST = {"type": 4}


async def test_two_clients_exchange_messages(harness: LiveServer) -> None:
    alice, bob = await harness.member("alice"), await harness.member("bob")

    listed = await alice.ask({"type": 4})
    response = await alice.ask({"type": 3, "clients": ["bob"], "content": "héllo"})
    received = await bob.receive_json()

    assert listed == {"type": 4, "status": 200, "clients": ["alice", "bob"]}
    assert response == {"type": 3, "status": 200, "id": received["id"], "time": received["time"]}
    assert received == {
        "type": 3,
        "status": 200,
        "sender": "alice",
        "clients": ["bob"],
        "content": "héllo",
        "id": response["id"],
        "time": response["time"],
    }


async def test_members_of_a_room_receive_messages_in_one_order(harness: LiveServer) -> None:
    members = [await harness.member(name, "lobby") for name in ("alice", "bob", "carol")]

    for number in range(50):
        members[number % 3].send_json({"type": 7, "room": "lobby", "content": str(number)})
    messages: list[list[Any]] = []
    for member in members:
        pushes: list[Any] = []
        while len(pushes) < 50:
            frame = await member.receive_json()
            if "sender" in frame:
                pushes.append((frame["seq"], frame["sender"], frame["content"]))
        messages.append(pushes)

    assert messages[0] == messages[1] == messages[2]
    assert messages[0] == sorted(messages[0])
    assert {content for _, _, content in messages[0]} == set(map(str, range(50)))


@pytest.mark.parametrize("length", [124, 125, 126, 65_535, 65_536, 1_000_000])
async def test_messages_of_all_lengths_are_delivered(harness: LiveServer, length: int) -> None:
    alice = await harness.member("alice")
    content = "x" * length

    alice.send_json({"type": 3, "clients": ["alice"], "content": content})
    frames = [await alice.receive_json(), await alice.receive_json()]

    assert [frame["content"] for frame in frames if "sender" in frame] == [content]


async def test_requests_in_one_packet_get_responses_in_order(harness: LiveServer) -> None:
    client = await harness.client()
    client.send_json(REGISTER)

    client.send(b"".join(text(json.dumps({"type": 4, "ref": number})) for number in range(500)))

    assert await client.receive_json() == REGISTERED
    assert [(await client.receive_json())["ref"] for _ in range(500)] == list(range(500))


async def test_request_may_arrive_byte_by_byte(harness: LiveServer) -> None:
    client = await harness.client()

    for byte in text(json.dumps(REGISTER)):
        client.send(bytes((byte,)))
        await asyncio.sleep(0)

    assert await client.receive_json() == REGISTERED


async def test_request_may_be_fragmented_with_pings_in_between(harness: LiveServer) -> None:
    client = await harness.client()
    request = json.dumps(REGISTER | {"ref": "é"}, ensure_ascii=False).encode()
    cut = request.index("é".encode()) + 1

    client.send(text(request[:5], final=False))
    client.send(client_frame(PING, b"first"))
    client.send(client_frame(CONTINUATION, request[5:cut], final=False))
    client.send(client_frame(PING, bytes(125)))
    client.send(client_frame(CONTINUATION, request[cut:]))

    assert await client.receive() == ServerFrame(PONG, b"first")
    assert await client.receive() == ServerFrame(PONG, bytes(125))
    assert await client.receive_json() == REGISTERED | {"ref": "é"}


async def test_unsolicited_pong_gets_no_response(harness: LiveServer) -> None:
    client = await harness.client()

    client.send(client_frame(PONG, b"unasked"))

    assert await client.ask(REGISTER) == REGISTERED


async def test_binary_frame_is_rejected_and_the_connection_continues(harness: LiveServer) -> None:
    client = await harness.client()

    client.send(client_frame(BINARY, json.dumps(REGISTER).encode()))
    error_response = await client.receive_json()

    assert (error_response["status"], error_response["code"]) == (400, "binary_frame")
    assert await client.ask(REGISTER) == REGISTERED


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
async def test_close_is_echoed_and_the_server_ends_the_connection(harness: LiveServer, code: int) -> None:
    client = await harness.member("alice")

    client.send(close(code, b"good night"))

    assert await client.closing() == (code, "")
    assert await client.end() == b""
    await harness.until(lambda: not harness.connections)
    assert harness.server.hub.usernames() == []


async def test_close_without_a_code_is_echoed_without_one(harness: LiveServer) -> None:
    client = await harness.client()

    client.send(close())

    assert await client.closing() == (None, "")
    assert await client.end() == b""


async def test_requests_before_a_close_get_responses_before_it(harness: LiveServer) -> None:
    client = await harness.client()

    client.send(text(json.dumps(REGISTER)) + client_frame(PING, b"p") + close(1000) + text('{"type": 4}'))

    assert await client.receive_json() == REGISTERED
    assert await client.receive() == ServerFrame(PONG, b"p")
    assert await client.closing() == (1000, "")
    assert await client.end() == b""


VIOLATIONS = [
    ("reserved bits", client_frame(TEXT, b"{}", reserved=4), 1002, "reserved bits are set"),
    ("an unknown opcode", client_frame(0x3), 1002, "unknown opcode 0x3"),
    ("no mask", client_frame(TEXT, b"{}", mask=None), 1002, "a client's frames must be masked"),
    ("a fragmented ping", client_frame(PING, final=False), 1002, "a control frame is fragmented"),
    ("a long ping", client_frame(PING, bytes(126)), 1002, "a control frame is longer than 125 bytes"),
    ("a stray continuation", client_frame(CONTINUATION), 1002, "there is nothing to continue"),
    (
        "a message inside a message",
        text("a", final=False) + text("b"),
        1002,
        "the message before is not finished",
    ),
    (
        "a long way to write a length",
        client_frame(TEXT, b"{}", length_bytes=8),
        1002,
        "a length is not written in the fewest bytes",
    ),
    ("half a close code", client_frame(0x8, b"\x03"), 1002, "a close frame has half a code"),
    ("a close code that may not be sent", close(1005), 1002, "1005 is no code for a close frame"),
    ("a close reason that is not UTF-8", close(1000, b"\xff"), 1007, "the text is not UTF-8"),
    ("a text that is not UTF-8", text(b'{"type": "\xff"}'), 1007, "the text is not UTF-8"),
    (
        "UTF-8 that breaks in a fragment",
        text(b"\xe2\x82", final=False) + client_frame(CONTINUATION, b"x", final=False),
        1007,
        "the text is not UTF-8",
    ),
    (
        "the mere header of a message that is too big",
        client_frame(TEXT, declared=4097)[:4],
        1009,
        "a message may have 4096 bytes",
    ),
    (
        "fragments that are too big together",
        text(b" " * 4000, final=False) + client_frame(CONTINUATION, declared=97)[:2],
        1009,
        "a message may have 4096 bytes",
    ),
]


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [pytest.param(sent, code, reason, id=name) for name, sent, code, reason in VIOLATIONS],
)
async def test_violation_gets_its_close_code_before_the_end(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch, sent: bytes, code: int, reason: str
) -> None:
    monkeypatch.setattr("chateau.net.connection.LINGER_SECONDS", 0.05)
    harness = open_server(max_frame=4096)
    client, other = await harness.member("alice", "lobby"), await harness.member("bob", "lobby")

    client.send(text('{"type": 4}') + sent + text('{"type": 4}'))

    assert await client.receive_until("joined")
    assert (await client.receive_json())["type"] == 4
    assert await client.closing() == (code, reason)
    assert (await other.receive_json())["event"] == "left"
    assert await client.end() == b""
    await harness.until(lambda: harness.connections == 1)


async def test_flood_after_a_violation_does_not_prevent_the_close_frame(harness: LiveServer) -> None:
    client = await harness.client()

    client.send(client_frame(0x3) + bytes(2_000_000))

    assert await client.closing() == (1002, "unknown opcode 0x3")


async def test_client_may_close_at_once_after_its_violation(harness: LiveServer) -> None:
    client = await harness.client()

    client.send(client_frame(0x3))
    await client.closing()
    await client.leave()

    await harness.until(lambda: not harness.connections)


async def test_client_that_violates_the_protocol_and_vanishes_leaves_no_state(harness: LiveServer) -> None:
    clients = [await harness.client() for _ in range(20)]

    for number, client in enumerate(clients):
        client.send(client_frame(0x3))
        if number % 2:
            await asyncio.sleep(0)
        client.reset()

    await harness.until(lambda: not harness.connections)


async def test_vanished_client_leaves_its_rooms(harness: LiveServer) -> None:
    alice, bob = await harness.member("alice", "lobby"), await harness.member("bob", "lobby")

    bob.reset()
    left = await alice.receive_until("left")

    assert left == {"type": 6, "status": 200, "event": "left", "room": "lobby", "username": "bob"}
    assert (await alice.ask({"type": 4}))["clients"] == ["alice"]


async def test_client_that_disconnects_inside_a_frame_leaves_its_rooms(
    harness: LiveServer,
) -> None:
    alice, bob = await harness.member("alice", "lobby"), await harness.member("bob", "lobby")

    bob.send(client_frame(TEXT, b"x" * 1000)[:500])
    await bob.leave()

    assert (await alice.receive_until("left"))["username"] == "bob"


@pytest.mark.parametrize("transport", ["fast", "tornado"], indirect=True)  # Python's TLS has no half-close
async def test_half_closed_client_is_served_and_ended(harness: LiveServer) -> None:
    alice, bob = await harness.member("alice", "lobby"), await harness.member("bob", "lobby")

    bob.send_json({"type": 7, "room": "lobby", "content": "last words"})
    bob.writer.write_eof()

    while "content" not in (received := await alice.receive_json()):
        pass
    assert received["content"] == "last words"
    assert (await alice.receive_until("left"))["username"] == "bob"
    assert b"last words" in await bob.end()


@pytest.mark.parametrize("transport", ["fast", "tornado"], indirect=True)  # Python's TLS has no half-close
async def test_client_that_half_closes_after_its_close_frame_receives_the_echo(
    harness: LiveServer,
) -> None:
    client = await harness.client()

    client.send(close(1000))
    client.writer.write_eof()

    assert await client.closing() == (1000, "")
    assert await client.end() == b""


async def test_exception_of_a_peer_ends_one_connection_with_one_traceback(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch, log: Any
) -> None:
    alice, bob = await harness.member("alice"), await harness.member("bob")

    def fail(self: object, text: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("chateau.protocols.chateau.ChateauPeer.on_text", fail)
    alice.send(text("{}") + text("{}"))
    assert await alice.closing() == (1011, "internal error")
    monkeypatch.undo()

    assert log.taken() == ["a connection failed and is closed"]
    assert (await bob.ask({"type": 4}))["clients"] == ["bob"]
    alice.send(close(1011))
    assert await alice.end() == b""


# Another WebSocket library as the client


async def socket_to(harness: LiveServer) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", harness.port))
    return sock


async def other_library_client(harness: LiveServer, **options: Any) -> Any:
    scheme = "ws" if harness.tls is None else "wss"
    if harness.tls is not None:
        options |= {"ssl": harness.tls, "server_hostname": "localhost"}
    return await connect(f"{scheme}://localhost/ws", sock=await socket_to(harness), **options)


async def test_other_websocket_library_can_use_the_server(harness: LiveServer) -> None:
    async with await other_library_client(harness) as alice, await other_library_client(harness) as bob:
        for name, client in (("alice", alice), ("bob", bob)):
            await client.send(json.dumps({"type": 1, "username": name}))
            assert json.loads(await client.recv()) == REGISTERED

        request = json.dumps({"type": 3, "clients": ["bob"], "content": "é" * 40_000}, ensure_ascii=False)
        await alice.send(request[start : start + 999] for start in range(0, len(request), 999))
        await (await alice.ping(b"are you there"))

        assert json.loads(await alice.recv())["status"] == 200
        assert json.loads(await bob.recv())["content"] == "é" * 40_000
        await alice.close(4000, "enough")
        assert (alice.close_code, alice.close_reason) == (4000, "")
        await bob.send(json.dumps({"type": 4}))
        assert json.loads(await bob.recv())["clients"] == ["bob"]
    assert bob.close_code == 1000


async def test_other_websocket_library_receives_1009_for_a_too_large_message(open_server: OpenServer) -> None:
    harness = open_server(max_frame=4096)

    async with await other_library_client(harness) as client:
        await client.send("x" * 4097)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1009, "a message may have 4096 bytes")


async def test_other_websocket_library_receives_the_shutdown(harness: LiveServer) -> None:
    async with await other_library_client(harness) as client:
        await harness.server.drain("maintenance")

        shutdown = json.loads(await client.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()

    assert shutdown == {"type": 0, "status": 503, "event": "shutdown", "reason": "maintenance"}
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "server shutdown")
