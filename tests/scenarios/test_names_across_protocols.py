"""Names in all five protocols of a running server: what is refused, who is who, and what a lookup costs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from five_clients import ChannelsClient, Client, LinesClient
from test_across_protocols import Harness, play

COCO = "\u0441\u043e\u0441\u043e"  # in Cyrillic letters
LIGATURE = "\ufdfa"  # 18 characters, once it is normalized

LOG_IN: dict[str, Callable[[str], Any]] = {
    "chateau": lambda name: {"type": 1, "username": name},
    "functions": lambda name: {"function": "set_custom_variables", "custom_variables": {"name": name}},
    "lines": "LOGIN {}".format,
    "opcodes": lambda name: {"op": 1, "d": {"content": name}},
}

JOIN: dict[str, Callable[[str], Any]] = {
    "chateau": lambda room: {"type": 5, "room": room},
    "lines": "JOIN {}".format,
    "opcodes": lambda room: {"op": 1, "d": {"content": f'!join "{room}"'}},
}


async def asked(client: Any, request: Any) -> Any:
    await client.send(request)
    return await client.receive()


async def registered(harness: Harness) -> list[str]:
    """Return all usernames."""
    return list(harness.server.hub.usernames())


INVALID = [
    pytest.param("alice#5", id="an id"),
    pytest.param("#5", id="nothing but an id"),
    pytest.param("alice\uff03\uff15", id="an id in fullwidth characters"),
    pytest.param("alice\u266f5", id="an id after a sharp"),
    pytest.param("\u0421hateau", id="a Cyrillic letter"),
    pytest.param("Chateau", id="the server's name"),
    pytest.param("\uff23\uff48\uff41teau", id="the server's name in another width"),
    pytest.param("\u1d04hateau", id="a lookalike of the server's name"),
    pytest.param("channel", id="the name of publications"),
    pytest.param("bob\u0661", id="a digit of another script"),
    pytest.param("al\u200bice", id="an invisible character"),
    pytest.param("al\u202eice", id="another direction"),
    pytest.param(28 * LIGATURE + "alic", id="a name that is long when normalized"),
]


@pytest.mark.parametrize("name", INVALID)
def test_invalid_names_are_refused_in_every_protocol(name: str) -> None:
    async def scene(harness: Harness) -> None:
        for protocol, request in LOG_IN.items():
            client = await harness.connect(protocol)
            response = await asked(client, request(name))
            is_refused = {
                "chateau": lambda frame: frame["code"] == "invalid_name",
                "functions": lambda frame: True,  # it stays a variable
                "lines": lambda frame: frame["error"] == "Invalid nickname" and "detail" in frame,
                "opcodes": lambda frame: frame["d"]["code"] == "invalid_name",
            }[protocol](response)
            assert is_refused, (protocol, response)
        assert await registered(harness) == []

    play(scene)


@pytest.mark.parametrize("first", LOG_IN)
@pytest.mark.parametrize("second", LOG_IN)
def test_lookalike_in_another_script_is_refused_across_protocols(first: str, second: str) -> None:
    # Nicks of lines are ASCII: there, the Cyrillic name has to be that of the other client.
    one, other = (COCO, "coco") if second == "lines" else ("coco", COCO)

    async def scene(harness: Harness) -> None:
        if first == second == "lines":
            return
        await asked(await harness.connect(first), LOG_IN[first](one))
        assert await registered(harness) == [one]

        await asked(await harness.connect(second), LOG_IN[second](other))

        assert await registered(harness) == [one]

    play(scene)


ROOMS = [
    ("Chateau", "it is reserved for the server"),
    ("CHATEAU", "it is reserved for the server"),
    ("\u0421hateau", "it mixes letters of different scripts"),
    ("\u1d04hateau", "it looks like a name that is reserved for the server"),
    (COCO, "it looks like an existing name in another script"),
]


@pytest.mark.parametrize(("room", "reason"), ROOMS)
def test_no_room_has_a_name_that_is_reserved_or_confusable(room: str, reason: str) -> None:
    async def scene(harness: Harness) -> None:
        await harness.enter("chateau", "bob", "coco")
        for protocol, request in JOIN.items():
            if protocol == "lines" and not room.isascii():
                continue
            client = await harness.enter(protocol, f"alice{protocol}", "lobby")
            await client.send(request(room))
            while reason not in json.dumps(await client.receive(), ensure_ascii=False):
                pass
        channel = await harness.enter("channels", "", "lobby")
        assert isinstance(channel, ChannelsClient)
        channel.room = room
        assert await channel.post("hi") == '"Bad request"'
        assert sorted(harness.server.hub.rooms.by_key) == ["coco", "lobby"]

    play(scene)


def test_notices_of_the_opcodes_protocol_are_by_the_server_alone() -> None:
    async def scene(harness: Harness) -> None:
        alice = await harness.enter("opcodes", "alice")
        bob = await harness.enter("chateau", "lobby")  # has the room's name
        await alice.receive_like(
            {"op": 0, "d": {"author": "Chateau", "content": "lobby has entered the room"}}
        )
        await bob.publish("alice has left the room")
        said = {"op": 0, "d": {"author": "lobby", "content": "alice has left the room"}}
        await alice.receive_like(said)
        await bob.leave()
        await alice.receive_like({"op": 0, "d": {"author": "Chateau", "content": "lobby has left the room"}})

    play(scene)


# One nick, two sessions


def test_second_session_with_a_nick_has_its_own_name_in_every_protocol() -> None:
    async def scene(harness: Harness) -> None:
        first = await harness.enter("lines", "carol", "one")
        second = await harness.connect("lines")
        assert isinstance(second, LinesClient)
        assert (await asked(second, "LOGIN carol"))["result"] == "Username set to carol"
        name = f"carol#{harness.server.hub.sessions()[-1].id}"
        watchers = {protocol: await harness.enter(protocol, f"by{protocol}", "two") for protocol in JOIN}
        channel = await harness.enter("channels", "", "two")
        await second.send("JOIN two")
        await second.send("hello")

        joined = {
            "chateau": {"type": 5, "status": 200, "event": "joined", "room": "two", "username": name},
            "lines": {"from": "carol", "type": "userJoined", "body": "User carol has joined the room"},
            "opcodes": {"op": 0, "d": {"author": "Chateau", "content": f"{name} has entered the room"}},
        }
        for protocol, watcher in watchers.items():
            await watcher.receive_like(joined[protocol])
        await until(watchers["chateau"], lambda frame: frame.get("sender") == name)
        await until(watchers["lines"], lambda frame: (frame["from"], frame["type"]) == ("carol", "message"))
        await until(watchers["opcodes"], lambda frame: frame["d"].get("author") == name)
        await until(channel, lambda frame: frame.get("username") == name)
        await until(channel, lambda frame: frame.get("sender") == name)

        functions = await harness.enter("functions", "byfunctions", "")
        for sender in (*watchers.values(), functions):
            await sender.send_direct("carol", "to the first")
            await until(first, lambda frame: frame.get("body") == "to the first")
            await sender.send_direct(name, "to the second")
            await until(second, lambda frame: frame.get("body") == "to the second")
        await second.send(f"MSG {functions.name} hi")
        await until(functions, lambda frame: frame.get("sender", {}).get("custom") == {"name": name})
        await second.send("MSG carol hi")
        await until(first, lambda frame: frame.get("from") == name)

        await first.send("QUIT")
        await until(first, lambda frame: frame == {"type": "commandResult", "result": "OK"})
        await first.closed()
        await watchers["chateau"].send_direct("carol", "nobody")
        await until(watchers["chateau"], lambda frame: frame.get("code") == "unknown_recipient")
        await watchers["chateau"].send_direct(name, "still there")
        await until(second, lambda frame: frame.get("body") == "still there")

    play(scene)


async def until(client: Client, accepts: Callable[[Any], bool]) -> None:
    async with asyncio.timeout(10):
        while not accepts(await client.receive()):
            pass


# Cost


async def cost_of(act: Callable[[], Awaitable[Any]]) -> float:
    """Return the CPU time of *act*, in seconds, that of the client included."""
    before = time.process_time()
    await act()
    return time.process_time() - before


LONG = ["x" * 900_000, LIGATURE * 300_000, "\u0130" * 150_000, "\u0390" * 150_000, " ".join("ab" * 100_000)]


@pytest.mark.parametrize("name", LONG, ids=range(len(LONG)))
def test_long_name_costs_no_more_than_its_frame(name: str) -> None:
    async def scene(harness: Harness) -> None:
        alice = await harness.enter("opcodes", "alice")
        for content in (f'!msg "{name}" x', f'!join "{name}"', f"!{'x' * 900_000} y", f'!help "{name}"'):
            assert await cost_of(lambda content=content: asked_op(alice, content)) < 0.5
        chateau = await harness.enter("chateau", "bob")
        for request in (
            {"type": 3, "clients": [name], "content": "hi"},
            {"type": 5, "room": name},
            {"type": 7, "room": name, "content": "hi"},
            {"type": 8, "room": name},
        ):
            assert await cost_of(lambda request=request: asked(chateau, request)) < 0.5
        login = await harness.connect("chateau")
        assert await cost_of(lambda: asked(login, LOG_IN["chateau"](name))) < 0.5
        assert await cost_of(lambda: broadcast(harness, {name: [{"text": "hi"}]})) < 0.5

    play(scene, max_frame=2_000_000)


async def asked_op(client: Any, content: str) -> None:
    await client.send({"op": 1, "d": {"content": content}})
    await until(client, lambda frame: frame["op"] == 5)


async def broadcast(harness: Harness, body: Any) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", harness.address.port)
    payload = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST /broadcast/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(payload)}"
    )
    writer.write(f"{head}\r\n\r\n".encode() + payload)
    response = await reader.read()
    writer.close()
    await writer.wait_closed()
    return response


EXPENSIVE = [
    pytest.param(LIGATURE, id="18 characters each"),
    pytest.param("\u2177", id="compatibility characters"),
    pytest.param("\u0390", id="characters that are decomposed"),
    pytest.param("\uac00", id="Hangul syllables"),
    pytest.param("\u30fb", id="a rule about the whole name"),
    pytest.param("\u0969\u094d", id="combining marks"),
]


@pytest.mark.parametrize("part", EXPENSIVE)
def test_lookup_of_a_thousand_expensive_names_is_bounded(part: str) -> None:
    names = [(part * 28)[:28] + f"{number:04}" for number in range(1000)]

    async def scene(harness: Harness) -> None:
        alice = await harness.enter("chateau", "alice")
        request = {"type": 3, "clients": names, "content": "hi"}
        assert await cost_of(lambda: asked(alice, request)) < 0.6  # 0.1 s on a quiet machine

    play(scene)


@pytest.mark.parametrize("part", EXPENSIVE)
def test_broadcast_to_thousands_of_expensive_names_is_bounded(part: str) -> None:
    body = {(part * 58)[:58] + f"{number:05}": [] for number in range(4000)}

    async def scene(harness: Harness) -> None:
        assert await cost_of(lambda: broadcast(harness, body)) < 2

    play(scene, max_frame=2_000_000)
