"""Connections that the server ends: slow consumers, shutdown. On each transport."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import CLOSE, TEXT, client_frame, close

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer
    from raw_client import RawClient

pytestmark = pytest.mark.gen_test(timeout=20)

TINY_BUFFER = 4096
CONTENT = "x" * 200_000
MANY = 400
"""As many messages of CONTENT as no socket buffers hold together."""

SHUTDOWN = {"type": 0, "status": 503, "event": "shutdown", "reason": None}


# Slow consumers


async def overfill(publisher: RawClient, room: str, *, until_left: str) -> int:
    """Publish until *until_left* is disconnected; return the number of messages."""
    for number in range(MANY):
        publisher.send_json({"type": 7, "room": room, "content": f"{number} {CONTENT}"})
        while (received := await publisher.receive_json()).get("seq") is None or "sender" in received:
            if received.get("event") == "left":
                assert received["username"] == until_left
                return number + 1
    raise AssertionError(f"{until_left} is still here")


async def test_slow_consumer_receives_its_close_code_and_others_are_unaffected(
    open_server: OpenServer,
) -> None:
    harness = open_server(max_outbox=300_000)
    alice, bob = await harness.member("alice", "lobby"), await harness.member("bob", "lobby")
    slow = await harness.member("slow", "lobby", receive_buffer_bytes=TINY_BUFFER)

    count = await overfill(alice, "lobby", until_left="slow")

    received: list[Any] = []
    while (frame := await bob.receive_json()).get("event") != "left":
        if "sender" in frame:
            received.append(frame["content"].split()[0])
    while len(received) < count:
        received.append((await bob.receive_json())["content"].split()[0])
    assert received == [str(number) for number in range(count)]
    assert (await bob.ask({"type": 4}))["clients"] == ["alice", "bob"]

    while (frame_read := await slow.receive()).opcode == TEXT:
        assert json.loads(frame_read.payload)["status"] == 200
    assert frame_read.opcode == CLOSE
    assert (frame_read.code, frame_read.reason) == (1008, "slow consumer")
    slow.send(close(1008))
    assert await slow.end() == b""


async def test_slow_consumer_that_never_reads_is_disconnected(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 0.1)
    harness = open_server(max_outbox=300_000)
    alice = await harness.member("alice", "lobby")
    await harness.member("slow", "lobby", receive_buffer_bytes=TINY_BUFFER)

    await overfill(alice, "lobby", until_left="slow")

    await harness.until(lambda: harness.connections == 1)


async def block(harness: LiveServer, publisher: RawClient, slow: str) -> None:
    """Send to *slow*, which does not read, until frames are queued for it."""
    while not any(connection.backlog_bytes for connection in harness.server.group.connections):
        response = await publisher.ask({"type": 3, "clients": [slow], "content": CONTENT})
        assert response["status"] == 200


async def test_slow_consumer_that_vanishes_leaves_its_rooms(harness: LiveServer) -> None:
    alice = await harness.member("alice", "lobby")
    slow = await harness.member("slow", "lobby", receive_buffer_bytes=TINY_BUFFER)
    await block(harness, alice, "slow")

    slow.reset()

    assert (await alice.receive_until("left"))["username"] == "slow"
    await harness.until(lambda: harness.connections == 1)


async def test_queued_frames_are_delivered_once_a_slow_consumer_reads_again(harness: LiveServer) -> None:
    alice = await harness.member("alice")
    slow = await harness.member("slow", receive_buffer_bytes=TINY_BUFFER)
    await block(harness, alice, "slow")
    alice.send_json({"type": 3, "clients": ["slow"], "content": "the last one"})

    while (received := await slow.receive_json())["content"] == CONTENT:
        pass

    assert received["content"] == "the last one"
    await harness.until(lambda: not any(each.backlog_bytes for each in harness.server.group.connections))
    assert (await slow.ask({"type": 4}))["clients"] == ["alice", "slow"]


async def test_close_is_echoed_after_all_queued_frames(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 60)  # no timeout in this test
    alice = await harness.member("alice")
    slow = await harness.member("slow", receive_buffer_bytes=TINY_BUFFER)
    await block(harness, alice, "slow")

    slow.send(close(1000))
    await alice.ask({"type": 4})
    while (frame := await slow.receive()).opcode == TEXT:
        assert json.loads(frame.payload)["content"] == CONTENT

    assert (frame.opcode, frame.code) == (CLOSE, 1000)
    assert await slow.end() == b""


async def test_violation_is_reported_after_all_queued_frames(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 60)  # no timeout in this test
    monkeypatch.setattr("chateau.net.connection.LINGER_SECONDS", 0.05)
    alice = await harness.member("alice")
    slow = await harness.member("slow", receive_buffer_bytes=TINY_BUFFER)
    await block(harness, alice, "slow")

    slow.send(client_frame(0x3))
    await harness.until(lambda: len(harness.server.hub.usernames()) == 1)
    while (frame := await slow.receive()).opcode == TEXT:
        pass

    assert (frame.opcode, frame.code) == (CLOSE, 1002)
    assert await slow.end() == b""
    await harness.until(lambda: harness.connections == 1)


# Shutdown


async def test_all_clients_receive_the_shutdown_and_are_closed(harness: LiveServer) -> None:
    clients = [await harness.client(), await harness.member("alice"), await harness.member("bob", "lobby")]
    started_at = time.monotonic()
    draining = asyncio.create_task(harness.server.drain())

    for client in clients:
        assert await client.receive_json() == SHUTDOWN
        await client.reply_to_close(1001, "server shutdown")
    await draining

    assert harness.connections == 0
    assert time.monotonic() - started_at < 4  # less than `DRAIN_SECONDS`, which is 5


async def test_shutdown_reason_is_sent(harness: LiveServer) -> None:
    client = await harness.client()
    draining = asyncio.create_task(harness.server.drain("maintenance"))

    assert await client.receive_json() == SHUTDOWN | {"reason": "maintenance"}
    await client.reply_to_close(1001, "server shutdown")
    await draining


async def test_shutdown_without_clients_is_immediate(harness: LiveServer) -> None:
    async with asyncio.timeout(1):
        await harness.server.drain()
        await harness.server.drain()


async def test_queued_frames_are_delivered_before_the_shutdown_close(harness: LiveServer) -> None:
    client = await harness.member("alice", "lobby")
    for number in range(100):
        client.send_json({"type": 7, "room": "lobby", "content": str(number)})
    received = [await client.receive_json() for _ in range(2)]

    draining = asyncio.create_task(harness.server.drain())
    while (frame := await client.receive()).opcode == TEXT:
        received.append(json.loads(frame.payload))
    client.send(close(1001))
    await draining

    assert received[-1] == SHUTDOWN
    messages = [each["content"] for each in received if "sender" in each]
    assert messages == [str(number) for number in range(len(messages))]
    assert len([each for each in received if "seq" in each and "sender" not in each]) == len(messages)
    assert (frame.opcode, frame.code, frame.reason) == (CLOSE, 1001, "server shutdown")


async def test_unresponsive_client_does_not_delay_a_shutdown(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.app.DRAIN_SECONDS", 0.2)
    alice, mute = await harness.member("alice"), await harness.client()
    await harness.member("slow", receive_buffer_bytes=TINY_BUFFER)
    await block(harness, alice, "slow")

    async with asyncio.timeout(3):
        await harness.server.drain()

    assert harness.connections == 0
    while (frame := await alice.receive()).opcode == TEXT:
        last = json.loads(frame.payload)
    assert last == SHUTDOWN
    assert frame.code == 1001
    assert await mute.receive_json() == SHUTDOWN
    assert await mute.closing() == (1001, "server shutdown")
    assert await mute.end() == b""


async def test_connections_are_refused_during_a_shutdown(harness: LiveServer) -> None:
    await harness.server.drain()

    with pytest.raises(ConnectionRefusedError):
        await harness.connect()


async def test_handshake_during_a_shutdown_is_rejected_or_closed(
    harness: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.app.DRAIN_SECONDS", 2)
    early, late = await harness.client(), await harness.connect()
    assert (await late.get("/")).status == 200  # it has a connection, and no WebSocket yet
    draining = asyncio.create_task(harness.server.drain())
    assert await early.receive_json() == SHUTDOWN

    late.send(late.handshake_request())
    response = await late.response()

    if response.status == 101:
        if (frame := await late.receive()).opcode == TEXT:
            frame = await late.receive()
        assert (frame.opcode, frame.code, frame.reason) == (CLOSE, 1001, "server shutdown")
        late.send(close(1001))
    else:
        assert response.status == 503
    await early.reply_to_close(1001, "server shutdown")
    async with asyncio.timeout(1):
        await draining
