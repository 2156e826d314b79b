"""Replaying: the same frames in the order that matters, at whatever speed."""

import asyncio
import json
import time
from collections.abc import Coroutine
from itertools import count
from typing import Any

import pytest
import replay_server
from raw_server import Entries, answering, head, serving
from replay_server import RelayServer

from chateau.client.commands.replay import targets
from chateau.client.protocols import Server
from chateau.client.recordings.replay import ReplayResult, replay
from chateau.client.transcript import Direction, Entry, Opcode, close_payload
from chateau.client.transports import CannotConnect, Target

ANSWER = '{"answer": "…"}'


def play(test: Coroutine[Any, Any, Any]) -> Any:
    async def within() -> Any:
        async with asyncio.timeout(9):
            return await test

    return asyncio.run(within())


class Script:
    """Writes recordings down: an entry every 10 ms."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._ticks = count()

    def add(self, client: str, direction: Direction, opcode: Opcode, payload: str | bytes) -> "Script":
        data = payload.encode() if isinstance(payload, str) else payload
        self.entries.append(Entry(1e9 + next(self._ticks) / 100, client, direction, opcode, data))
        return self

    def opens(
        self, *clients: str, url: str = "ws://recorded.example:1/ws", protocol: str = "chateau"
    ) -> "Script":
        for client in clients:
            self.add(client, Direction.SENT, Opcode.OPEN, json.dumps({"protocol": protocol, "url": url}))
        return self

    def sends(self, client: str, payload: str | bytes, opcode: Opcode = Opcode.TEXT) -> "Script":
        return self.add(client, Direction.SENT, opcode, payload)

    def gets(self, client: str, payload: str | bytes = ANSWER, opcode: Opcode = Opcode.TEXT) -> "Script":
        return self.add(client, Direction.RECEIVED, opcode, payload)


async def replayed(
    relay: RelayServer, script: Script, speed: float = 0, timeout_seconds: float = 3.0
) -> ReplayResult:
    target_of = targets(Server("127.0.0.1", relay.port))
    return await replay(script.entries, target_of, speed=speed, timeout_seconds=timeout_seconds)


def in_server(
    script: Script, speed: float = 0, timeout_seconds: float = 3.0, **state: Any
) -> tuple[ReplayResult, RelayServer]:
    async def run() -> tuple[ReplayResult, RelayServer]:
        async with replay_server.opened() as relay:
            for name, value in state.items():
                setattr(relay, name, value)
            return await replayed(relay, script, speed, timeout_seconds), relay

    result: tuple[ReplayResult, RelayServer] = play(run())
    return result


async def served(script_of_server: Any, script: Script) -> ReplayResult:
    """Replay against a scripted server."""
    async with serving(script_of_server) as port:
        server = Server("127.0.0.1", port, port)
        return await replay(script.entries, targets(server), speed=0, timeout_seconds=0.5)


def test_replay_waits_for_frames_of_other_clients() -> None:
    script = Script().opens("alice", "bob").sends("bob", '{"name": "bob"}').gets("bob")
    script.sends("alice", '{"to": "bob", "message": "hi"}').gets("bob").gets("alice")
    script.sends("bob", '{"name": "alice"}')

    result, relay = in_server(script)

    assert relay.received == ['{"name": "bob"}', '{"to": "bob", "message": "hi"}', '{"name": "alice"}']
    assert (result.sent, result.expected, result.missing, result.notes) == (3, 3, 0, ())


def test_frames_of_one_client_do_not_wait_for_responses() -> None:
    script = Script().opens("alice", url="tcp://recorded.example:1", protocol="lines")
    for _ in range(20):
        script.sends("alice", "x", Opcode.LINE).gets("alice", "y", Opcode.LINE)

    async def after_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(20):
            await reader.readline()
        writer.write(b"y\n" * 20)
        await reader.read()

    result = play(served(after_all, script))

    assert (result.sent, result.received, result.missing) == (20, 20, 0)


def test_a_name_is_free_before_it_is_taken_again() -> None:
    script = Script().opens("alice").sends("alice", '{"name": "alice"}').gets("alice")
    script.sends("alice", close_payload(1000), Opcode.CLOSE).gets("alice", close_payload(1000), Opcode.CLOSE)
    script.opens("alice").sends("alice", '{"name": "alice"}').gets("alice")

    result, relay = in_server(script)

    assert result.missing == 0
    assert len(relay.closes) == 2
    assert relay.received == ['{"name": "alice"}'] * 2


@pytest.mark.parametrize(("speed", "seconds"), [(1, 0.4), (4, 0.1)])
def test_a_replay_keeps_the_pace_of_the_recording_divided_by_the_speed(speed: float, seconds: float) -> None:
    script = Script().opens("alice")
    for _ in range(20):
        script.sends("alice", "x").gets("alice")

    result, _ = in_server(script, speed, is_slow=False)

    assert result.seconds >= seconds * 0.95
    assert result.missing == 0


def test_missing_frames_are_waited_for_once_per_client() -> None:
    script = Script().opens("alice", "bob")
    for _ in range(10):
        script.sends("alice", "x").gets("alice").sends("bob", "x").gets("bob")

    result, relay = in_server(script, timeout_seconds=0.1, is_silent=True)

    assert len(relay.received) == 20
    assert (result.received, result.expected, result.missing) == (0, 20, 20)
    assert 0.2 <= result.seconds < 1.0
    assert [note.split(" had ")[0] for note in result.notes] == ["alice", "bob"]
    assert "alice had received 0 of 1 frames when nothing arrived for 0.1 s" in result.notes[0]


def test_slow_server_is_waited_for_while_frames_arrive() -> None:
    script = Script().opens("alice", "bob")
    for _ in range(10):
        script.sends("alice", "x")
    for _ in range(10):
        script.gets("alice")
    script.sends("bob", "x").gets("bob")

    result, relay = in_server(script, timeout_seconds=0.6, slow_seconds=0.1)

    assert result.notes == ()
    assert result.missing == 0
    assert len(relay.received) == 11


def test_extra_frames_of_one_client_do_not_replace_missing_ones() -> None:
    script = Script().opens("alice", "bob").sends("alice", "x").sends("alice", "x").gets("bob")

    result, _ = in_server(script, timeout_seconds=0.1)

    assert (result.received, result.expected, result.missing) == (2, 1, 1)


def test_closes_have_their_codes_and_those_of_the_server_are_confirmed() -> None:
    script = Script().opens("alice", "bob", "carol", "dave")
    script.sends("alice", close_payload(4000, "enough"), Opcode.CLOSE)
    script.gets("alice", close_payload(4000), Opcode.CLOSE)
    script.sends("bob", "leave").gets("bob", close_payload(4001, "as you like"), Opcode.CLOSE)
    script.sends("bob", close_payload(4001, "as you like"), Opcode.CLOSE)
    script.sends("carol", b"\x03\xeeabort", Opcode.CLOSE)
    script.sends("dave", b"", Opcode.CLOSE).gets("dave", b"", Opcode.CLOSE)

    result, relay = in_server(script)

    assert sorted(relay.closes) == [(1005, ""), (1006, ""), (4000, "enough"), (4001, "as you like")]
    assert result.notes == ()


def test_pings_and_unsolicited_pongs_are_sent_again() -> None:
    async def run() -> list[str]:
        async with replay_server.opened() as relay:
            await replay(
                script.entries,
                targets(Server("127.0.0.1", relay.port)),
                speed=0,
                timeout_seconds=3.0,
                on_entry=heard.append,
            )
        return [entry.opcode for entry in heard if entry.direction is Direction.SENT]

    heard = Entries()
    script = Script().opens("alice").sends("alice", "1", Opcode.PING).gets("alice", "1", Opcode.PONG)
    script.gets("alice", "2", Opcode.PING).sends("alice", "2", Opcode.PONG).sends("alice", "3", Opcode.PONG)
    script.sends("alice", b"\x00\xff", Opcode.BINARY).gets("alice")
    script.sends("alice", b"\x81\x80\x00\x00\x00\x00", Opcode.RAW).gets("alice")

    assert play(run()) == ["open", "ping", "pong", "binary", "raw", "close"]


def test_unsendable_frames_are_reported_and_the_replay_continues() -> None:
    script = Script().opens("alice", "bob").sends("alice", "leave")
    script.gets("alice", close_payload(4001, "as you like"), Opcode.CLOSE)
    script.sends("bob", "x").gets("bob").sends("alice", "x").sends("alice", "x").sends("ghost", "x")

    result, relay = in_server(script)

    assert relay.received == ["leave", "x"]
    assert sorted(result.notes) == [
        "alice's connection was closed before 2 frames could be sent",
        "ghost's connection was closed before 1 frame could be sent",
    ]
    assert result.missing == 0


def test_requests_are_sent_again_to_the_other_server() -> None:
    head_of_request = (
        "POST /channel/lobby/?pwd=1 HTTP/1.1\r\nHOST: recorded.example\r\nX: y\r\nContent-Length: 2"
    )
    script = Script()
    for _ in range(3):
        script.sends("carol", head_of_request + "\r\n\r\nhi", Opcode.REQUEST)
        script.gets("carol", "HTTP/1.1 201 Created\r\n\r\n", Opcode.RESPONSE)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await head(reader)).decode())
        bodies.append(await reader.readexactly(2))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    heads: list[str] = []
    bodies: list[bytes] = []

    result = play(served(listen, script))

    assert (result.sent, result.received, result.missing) == (3, 3, 0)
    assert bodies == [b"hi"] * 3
    assert heads[0].startswith("POST /channel/lobby/?pwd=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert heads[0].endswith("\r\nX: y\r\nContent-Length: 2\r\n\r\n")


def test_failed_request_is_reported_and_not_waited_for() -> None:
    script = Script().sends("carol", "GET / HTTP/1.1\r\n\r\n", Opcode.REQUEST)
    script.gets("carol", "HTTP/1.1 200 OK\r\n\r\n", Opcode.RESPONSE)
    script.sends("dave", "what?", Opcode.REQUEST).gets("dave", "HTTP/1.1 400 \r\n\r\n", Opcode.RESPONSE)

    result = play(served(answering(b"nonsense\r\n\r\n"), script))

    assert (result.received, result.missing) == (0, 2)
    assert "the server's response is not HTTP" in result.notes[0]
    assert "not HTTP: 'what?'" in result.notes[1]
    assert result.seconds < 1


def test_replay_fails_without_a_server() -> None:
    with pytest.raises(CannotConnect):
        play(
            replay(
                Script().opens("alice").entries, targets(Server("127.0.0.1", 1)), speed=0, timeout_seconds=1.0
            )
        )


def test_an_empty_recording_is_replayed() -> None:
    result = play(replay([], targets(Server()), speed=1, timeout_seconds=1.0))

    assert (result.sent, result.received, result.expected) == (0, 0, 0)


def test_replay_of_a_thousand_alternating_frames_is_fast() -> None:
    clients = [f"client {number}" for number in range(10)]
    script = Script().opens(*clients)
    for _ in range(50):
        for client in clients:
            script.sends(client, "x").gets(client)
    began = time.process_time()

    result, relay = in_server(script, is_slow=False)

    assert (result.sent, result.received, result.missing) == (500, 500, 0)
    assert len(relay.received) == 500
    assert time.process_time() - began < 3  # ten times what it takes, with the server


@pytest.mark.parametrize(
    ("server", "opening", "url"),
    [
        (Server("h", 1), {"protocol": "chateau", "url": "ws://x:9/ws"}, "ws://h:1/ws"),
        (Server("h", 1), {"protocol": "functions", "url": "ws://x:9/"}, "ws://h:1/"),
        (
            Server("h", 1, secure=True),
            {"protocol": "channels", "url": "ws://x/channel/a%20b/?c=d"},
            "wss://h:1/channel/a%20b/?c=d",
        ),
        (Server("h", 1, 2), {"protocol": "lines", "url": "tcp://x:9"}, "tcp://h:2"),
        (Server("h", 1, 2, secure=True), {"protocol": "lines", "url": "tcp://x:9"}, "tls://h:2"),
        (Server("::1", 1), {"protocol": "http", "url": "https://x/channel/a/"}, "http://[::1]:1/channel/a/"),
        (Server("h", 1, prefix="/chat"), {"protocol": "chateau", "url": "ws://x:9/ws"}, "ws://h:1/chat/ws"),
        (
            Server("h", 1, prefix="/chat"),
            {"protocol": "chateau", "url": "ws://x:9/chat/ws"},
            "ws://h:1/chat/ws",
        ),
        (Server("h", 1), {}, "ws://h:1"),
    ],
)
def test_clients_go_to_the_same_paths_of_the_other_server(
    server: Server, opening: dict[str, Any], url: str
) -> None:
    assert targets(server)("alice", opening).url == url


def test_clients_keep_headers_and_local_addresses() -> None:
    opening = {"protocol": "chateau", "url": "ws://x/ws", "headers": [["Origin", "y"]], "from": "127.0.0.2"}

    target = targets(Server("h", 1))("alice", opening)

    assert target == Target("chateau", "ws://h:1/ws", (("Origin", "y"),), "127.0.0.2")
