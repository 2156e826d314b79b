"""Messages of each protocol arrive in every other one, in the frames of that protocol.

The expected frames are those of the table in docs/protocols.md, so the page is checked against a running
server.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from five_clients import CLIENTS, Address, ChannelsClient, Client, looks_like
from running_server import ROOT, free_port

from chateau.app import Server
from chateau.settings import MEMORY, Settings

PAGE = (ROOT / "docs" / "protocols.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([a-z ]+) \| (\w+) \| `(.*)` \|$", PAGE, re.MULTILINE)
FRAMES: dict[tuple[str, str], Any] = {
    (event, protocol): json.loads(frame) if frame[0] == "{" else frame for event, protocol, frame in ROWS
}

SECRET_KEY = "swordfish"


def documented(event: str, protocol: str, **names: str) -> Any:
    """Return the frame of the table, with *names* replaced."""
    frame = json.dumps(FRAMES[event, protocol])
    for name, other in names.items():
        frame = frame.replace(f'"{name}"', f'"{other}"').replace(f"{name} has", f"{other} has")
    return json.loads(frame)


class Harness:
    """A running server and its clients."""

    def __init__(self, server: Server, address: Address) -> None:
        self.server = server
        self.address = address
        self.clients: list[Client] = []

    async def connect(self, protocol: str) -> Client:
        self.clients.append(await CLIENTS[protocol](self.address).open())
        return self.clients[-1]

    async def enter(self, protocol: str, name: str, room: str = "lobby") -> Client:
        return await (await self.connect(protocol)).enter(name, room)


@asynccontextmanager
async def running_harness(**settings: Any) -> AsyncIterator[Harness]:
    lines_port = free_port()
    server = Server(
        Settings(
            port=0,
            lines_port=lines_port,
            data=MEMORY,
            secret_key=SECRET_KEY,
            **settings,  # type: ignore[arg-type]
        )
    )
    server.start()
    port = int(server.greetings[0].split(":")[2].split("/")[0])
    harness = Harness(server, Address(port=port, lines_port=lines_port))
    try:
        yield harness
    finally:
        for client in harness.clients:
            await client.close()
        await server.drain()


def play(scene: Callable[[Harness], Awaitable[None]], **settings: Any) -> None:
    async def played() -> None:
        async with running_harness(**settings) as harness:
            await scene(harness)

    asyncio.run(played())


@pytest.mark.parametrize("receiver", CLIENTS)
@pytest.mark.parametrize("sender", CLIENTS)
def test_message_of_one_protocol_arrives_in_the_frames_of_another(sender: str, receiver: str) -> None:
    sending, receiving = CLIENTS[sender], CLIENTS[receiver]

    async def scene(harness: Harness) -> None:
        bob = await harness.enter(receiver, "bob")
        alice = await harness.enter(sender, "alice")
        if sending.has_direct_messages and receiving.has_direct_messages:
            await alice.send_direct("bob", "hi")
            await bob.receive_like(documented("direct message", receiver))
        if sending.has_rooms and receiving.has_rooms:
            await alice.publish("hi")
            event = "publication" if sending is ChannelsClient else "room message"
            await bob.receive_like(documented(event, receiver))

    play(scene)


def test_only_functions_and_channels_have_no_common_messages() -> None:
    apart = {
        frozenset((one.protocol, other.protocol))
        for one in CLIENTS.values()
        for other in CLIENTS.values()
        if not (one.has_rooms and other.has_rooms)
        and not (one.has_direct_messages and other.has_direct_messages)
    }

    assert apart == {frozenset(("functions", "channels"))}


WITH_ROOMS = [protocol for protocol, client in CLIENTS.items() if client.has_rooms]


@pytest.mark.parametrize("watcher", WITH_ROOMS)
@pytest.mark.parametrize("mover", ["chateau", "lines", "opcodes"])
def test_joins_and_leaves_are_pushed_in_each_protocol(mover: str, watcher: str) -> None:
    async def scene(harness: Harness) -> None:
        watching = await harness.enter(watcher, "bob")
        alice = await harness.enter(mover, "alice")
        await watching.receive_like(documented("joined", watcher))
        await alice.leave()
        await watching.receive_like(documented("left", watcher))

    play(scene)


@pytest.mark.parametrize("watcher", WITH_ROOMS)
def test_member_count_of_a_large_room_is_pushed_in_each_protocol(watcher: str) -> None:
    async def scene(harness: Harness) -> None:
        watching = await harness.enter(watcher, "bob")
        await harness.enter("chateau", "alice")
        if watcher == "channels":
            await harness.enter("chateau", "carol")
        await watching.receive_like(documented("crowd", watcher))

    play(scene, presence_limit=0)


@pytest.mark.parametrize("watcher", WITH_ROOMS)
def test_closed_room_is_pushed_in_each_protocol(watcher: str) -> None:
    async def scene(harness: Harness) -> None:
        watching = await harness.enter(watcher, "bob")
        admin = await harness.enter("opcodes", "alice")
        await admin.publish(f"!auth {SECRET_KEY}")
        await admin.publish("!close")
        await watching.receive_like(documented("room closed", watcher))

    play(scene)


@pytest.mark.parametrize("banned", ["chateau", "lines", "opcodes"])
def test_ban_from_a_room_is_pushed_in_each_protocol(banned: str) -> None:
    async def scene(harness: Harness) -> None:
        admin = await harness.enter("opcodes", "alice")
        bob = await harness.enter(banned, "bob")
        await admin.publish(f"!auth {SECRET_KEY}")
        await admin.publish("!ban bob lobby")
        await bob.receive_like(documented("banned from the room", banned))
        await admin.receive_like(documented("left", "opcodes", alice="bob"))

    play(scene)


@pytest.mark.parametrize("banned", CLIENTS)
def test_requests_from_a_banned_address_are_rejected_in_each_protocol(banned: str) -> None:
    async def scene(harness: Harness) -> None:
        client = await harness.enter(banned, "bob")
        harness.server.hub.access.ban("127.0.0.0/8")
        assert looks_like(await client.ask(), documented("address banned", banned))

    play(scene)


@pytest.mark.parametrize("protocol", CLIENTS)
def test_shutdown_is_pushed_in_each_protocol(protocol: str) -> None:
    async def scene(harness: Harness) -> None:
        client = await harness.enter(protocol, "bob")
        admin = await harness.enter("opcodes", "alice", "attic")
        await admin.publish(f"!auth {SECRET_KEY}")
        await admin.publish("!shutdown maintenance")
        assert await harness.server.stopping == "maintenance"
        draining = asyncio.create_task(harness.server.drain("maintenance"))
        await client.receive_like(documented("shutdown", protocol))
        for each in harness.clients:
            await each.close()
        await draining

    play(scene)


@pytest.mark.parametrize("protocol", CLIENTS)
def test_tap_is_pushed_only_to_the_tapped_session(protocol: str) -> None:
    async def scene(harness: Harness) -> None:
        other = await harness.enter(protocol, "alice")
        client = await harness.enter(protocol, "bob")
        hub = harness.server.hub
        hub.notify_tap(hub.sessions()[-1], active=True)
        hub.shut_down()
        await client.receive_like(documented("tapped", protocol))
        assert documented("tapped", protocol) not in await everything_before_the_shutdown(other)

    play(scene)


def test_opcodes_push_a_tap_under_the_server_name() -> None:
    async def scene(harness: Harness) -> None:
        client = await harness.enter("opcodes", "bob")
        hub = harness.server.hub
        hub.notify_tap(hub.sessions()[0], active=True)
        await client.receive_like(documented("tapped", "opcodes", Chateau="Castle"))

    play(scene, server_name="Castle")


def test_list_has_the_protocols_of_each_user() -> None:
    async def scene(harness: Harness) -> None:
        names = {"channels": "nobody"} | {
            protocol: f"{protocol}1" for protocol in CLIENTS if protocol != "channels"
        }
        for protocol, name in names.items():
            await harness.enter(protocol, name)
        alice = await harness.enter("chateau", "alice")
        plain = await alice.ask()
        await alice.send({"type": 4, "protocols": True})  # type: ignore[attr-defined]
        listed = await alice.receive()
        assert list(listed["protocols"]) == plain["clients"] == listed["clients"]
        assert listed["protocols"] == {"alice": ["chateau"]} | {
            name: [protocol] for protocol, name in names.items() if protocol != "channels"
        }

    play(scene)


async def everything_before_the_shutdown(client: Client) -> list[Any]:
    closing = documented("shutdown", client.protocol, maintenance="")
    received: list[Any] = []
    while not received or type(received[-1]) is not dict or received[-1].keys() != closing.keys():
        received.append(await client.receive())
    return received


def test_every_row_of_the_table_is_tested() -> None:
    rooms, direct = set(WITH_ROOMS), {name for name, client in CLIENTS.items() if client.has_direct_messages}
    users = rooms & direct
    expected = {"direct message": direct, "room message": rooms, "publication": rooms, "joined": rooms}
    expected |= {"left": rooms, "crowd": rooms, "room closed": rooms, "banned from the room": users}
    expected |= {event: set(CLIENTS) for event in ("address banned", "tapped", "shutdown")}

    assert FRAMES.keys() == {(event, name) for event, names in expected.items() for name in names}
