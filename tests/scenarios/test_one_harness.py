"""One house: what is said in each protocol arrives in each other one, in that one's own words.

The words are those of the table in docs/protocols.md: the page is held against a running server.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from five_clients import CLIENTS, ChannelsClient, Client, House, looks_like
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
    """The frame of the table, with other *names* in place of those in it."""
    frame = json.dumps(FRAMES[event, protocol])
    for name, other in names.items():
        frame = frame.replace(f'"{name}"', f'"{other}"').replace(f"{name} has", f"{other} has")
    return json.loads(frame)


class Guests:
    """A running server and its clients."""

    def __init__(self, server: Server, house: House) -> None:
        self.server = server
        self.house = house
        self.clients: list[Client] = []

    async def visitor(self, protocol: str) -> Client:
        self.clients.append(await CLIENTS[protocol](self.house).open())
        return self.clients[-1]

    async def guest(self, protocol: str, name: str, room: str = "lobby") -> Client:
        return await (await self.visitor(protocol)).enter(name, room)


@asynccontextmanager
async def open_house(**settings: Any) -> AsyncIterator[Guests]:
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
    guests = Guests(server, House(port=port, lines_port=lines_port))
    try:
        yield guests
    finally:
        for client in guests.clients:
            await client.close()
        await server.drain()


def play(scene: Callable[[Guests], Awaitable[None]], **settings: Any) -> None:
    async def played() -> None:
        async with open_house(**settings) as guests:
            await scene(guests)

    asyncio.run(played())


@pytest.mark.parametrize("receiver", CLIENTS)
@pytest.mark.parametrize("sender", CLIENTS)
def test_what_one_protocol_says_arrives_in_the_other_in_its_own_words(sender: str, receiver: str) -> None:
    speaks, hears = CLIENTS[sender], CLIENTS[receiver]

    async def scene(guests: Guests) -> None:
        bob = await guests.guest(receiver, "bob")
        alice = await guests.guest(sender, "alice")
        if speaks.has_direct_messages and hears.has_direct_messages:
            await alice.say_to("bob", "hi")
            await bob.hear_like(documented("direct message", receiver))
        if speaks.has_rooms and hears.has_rooms:
            await alice.say("hi")
            event = "package" if speaks is ChannelsClient else "room message"
            await bob.hear_like(documented(event, receiver))

    play(scene)


def test_only_the_functions_and_the_channels_cannot_meet() -> None:
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
def test_who_comes_and_goes_is_told_in_each_protocol(mover: str, watcher: str) -> None:
    async def scene(guests: Guests) -> None:
        watching = await guests.guest(watcher, "bob")
        alice = await guests.guest(mover, "alice")
        await watching.hear_like(documented("joined", watcher))
        await alice.leave()
        await watching.hear_like(documented("left", watcher))

    play(scene)


@pytest.mark.parametrize("watcher", WITH_ROOMS)
def test_a_crowd_is_told_its_number_in_each_protocol(watcher: str) -> None:
    async def scene(guests: Guests) -> None:
        watching = await guests.guest(watcher, "bob")
        await guests.guest("chateau", "alice")
        if watcher == "channels":
            await guests.guest("chateau", "carol")
        await watching.hear_like(documented("crowd", watcher))

    play(scene, presence_limit=0)


@pytest.mark.parametrize("watcher", WITH_ROOMS)
def test_a_room_that_is_closed_is_told_in_each_protocol(watcher: str) -> None:
    async def scene(guests: Guests) -> None:
        watching = await guests.guest(watcher, "bob")
        keeper = await guests.guest("opcodes", "alice")
        await keeper.say(f"!auth {SECRET_KEY}")
        await keeper.say("!close")
        await watching.hear_like(documented("room closed", watcher))

    play(scene)


@pytest.mark.parametrize("banned", ["chateau", "lines", "opcodes"])
def test_who_is_banned_from_a_room_is_told_in_each_protocol(banned: str) -> None:
    async def scene(guests: Guests) -> None:
        keeper = await guests.guest("opcodes", "alice")
        bob = await guests.guest(banned, "bob")
        await keeper.say(f"!auth {SECRET_KEY}")
        await keeper.say("!ban bob lobby")
        await bob.hear_like(documented("banned from the room", banned))
        await keeper.hear_like(documented("left", "opcodes", alice="bob"))

    play(scene)


@pytest.mark.parametrize("banned", CLIENTS)
def test_requests_from_a_banned_address_are_refused_in_each_protocol(banned: str) -> None:
    async def scene(guests: Guests) -> None:
        client = await guests.guest(banned, "bob")
        guests.server.hub.access.ban("127.0.0.0/8")
        assert looks_like(await client.ask(), documented("address banned", banned))

    play(scene)


@pytest.mark.parametrize("protocol", CLIENTS)
def test_everyone_is_told_of_the_shutdown(protocol: str) -> None:
    async def scene(guests: Guests) -> None:
        client = await guests.guest(protocol, "bob")
        keeper = await guests.guest("opcodes", "alice", "attic")
        await keeper.say(f"!auth {SECRET_KEY}")
        await keeper.say("!shutdown maintenance")
        assert await guests.server.stopping == "maintenance"
        draining = asyncio.create_task(guests.server.drain("maintenance"))
        await client.hear_like(documented("shutdown", protocol))
        for each in guests.clients:
            await each.close()
        await draining

    play(scene)


@pytest.mark.parametrize("protocol", CLIENTS)
def test_who_is_tapped_is_told_in_each_protocol_and_nobody_else(protocol: str) -> None:
    async def scene(guests: Guests) -> None:
        other = await guests.guest(protocol, "alice")
        client = await guests.guest(protocol, "bob")
        hub = guests.server.hub
        hub.tell_tapped(hub.sessions()[-1], active=True)
        hub.shut_down()
        await client.hear_like(documented("tapped", protocol))
        assert documented("tapped", protocol) not in await everything_before_the_shutdown(other)

    play(scene)


def test_opcodes_tell_of_a_tap_in_the_servers_own_name() -> None:
    async def scene(guests: Guests) -> None:
        client = await guests.guest("opcodes", "bob")
        hub = guests.server.hub
        hub.tell_tapped(hub.sessions()[0], active=True)
        await client.hear_like(documented("tapped", "opcodes", Chateau="Castle"))

    play(scene, server_name="Castle")


def test_the_list_tells_by_which_protocol_each_user_is_here() -> None:
    async def scene(guests: Guests) -> None:
        names = {"channels": "nobody"} | {
            protocol: f"{protocol}1" for protocol in CLIENTS if protocol != "channels"
        }
        for protocol, name in names.items():
            await guests.guest(protocol, name)
        alice = await guests.guest("chateau", "alice")
        plain = await alice.ask()
        await alice.send({"type": 4, "protocols": True})  # type: ignore[attr-defined]
        told = await alice.hear()
        assert list(told["protocols"]) == plain["clients"] == told["clients"]
        assert told["protocols"] == {"alice": ["chateau"]} | {
            name: [protocol] for protocol, name in names.items() if protocol != "channels"
        }

    play(scene)


async def everything_before_the_shutdown(client: Client) -> list[Any]:
    closing = documented("shutdown", client.protocol, maintenance="")
    heard: list[Any] = []
    while not heard or type(heard[-1]) is not dict or heard[-1].keys() != closing.keys():
        heard.append(await client.hear())
    return heard


def test_every_row_of_the_table_is_held_against_the_server() -> None:
    rooms, direct = set(WITH_ROOMS), {name for name, client in CLIENTS.items() if client.has_direct_messages}
    users = rooms & direct
    expected = {"direct message": direct, "room message": rooms, "package": rooms, "joined": rooms}
    expected |= {"left": rooms, "crowd": rooms, "room closed": rooms, "banned from the room": users}
    expected |= {event: set(CLIENTS) for event in ("address banned", "tapped", "shutdown")}

    assert FRAMES.keys() == {(event, name) for event, names in expected.items() for name in names}
