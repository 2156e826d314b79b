"""Taps: all frames of a session, of every protocol, and the notification of the session."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from admin_client import KEY, AdminClient, admin_client, session_of
from masked_frames import BINARY, CONTINUATION, PING, PONG, TEXT, client_frame, close, text
from raw_client import RawClient
from running_server import free_port

from chateau.net.admin_streams import SHOWN_BYTES

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)

TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TAPPED = {"type": 0, "status": 200, "event": "tapped", "active": True}
UNTAPPED = TAPPED | {"active": False}
ENDED = {"reason": "the session ended"}


@pytest.fixture
def harness(open_server: OpenServer, io_loop: Any) -> LiveServer:
    """A server with a secret key."""

    async def opened() -> LiveServer:
        return open_server(secret_key=KEY)

    found: LiveServer = io_loop.run_sync(opened)
    return found


async def tap(harness: LiveServer, session: str, **options: Any) -> AdminClient:
    return await (await admin_client(harness, **options)).watch(f"tap?session={session}")


async def tapped(harness: LiveServer, name: str = "alice", *rooms: str) -> tuple[RawClient, AdminClient]:
    """Return a member and a tap of it, after the notification of the member."""
    member = await harness.member(name, *rooms)
    watcher = await tap(harness, await session_of(harness, name))
    assert await member.receive_json() == TAPPED
    assert json.loads((await watcher.frame("out"))["text"]) == TAPPED
    return member, watcher


def shown(frame: Any) -> tuple[str, str | bytes]:
    """Return the kind of a frame and its content."""
    return frame["kind"], frame["text"] if "text" in frame else base64.b64decode(frame["base64"])


def taps(harness: LiveServer) -> int:
    return len(harness.server.admin.taps._taps)


# Notification of the session


async def test_session_is_notified_when_the_first_tap_starts_and_the_last_ends(harness: LiveServer) -> None:
    alice, first = await tapped(harness)
    second = await tap(harness, "0")
    await harness.until(lambda: len(harness.server._stream_group.connections) == 2)
    await first.leave()
    await harness.until(lambda: len(harness.server._stream_group.connections) == 1)
    alice.send_json({"type": 4})
    assert (await alice.receive_json())["clients"] == ["alice"]  # no notification of the second one

    await second.leave()

    assert await alice.receive_json() == UNTAPPED
    assert taps(harness) == 0


async def test_connection_is_restored_after_a_tap(harness: LiveServer) -> None:
    await harness.member("alice")
    (connection,) = harness.server.group.connections
    before = (connection.write, connection._decoder)

    watcher = await tap(harness, "0")
    await harness.until(lambda: taps(harness) == 1)
    assert connection.observer is not None
    assert connection._decoder != before[1]
    await watcher.leave()
    await harness.until(lambda: taps(harness) == 0)

    assert (connection.write, connection._decoder) == before
    assert connection.observer is None


async def test_lost_connection_sends_nothing_to_a_former_tap(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)
    (connection,) = harness.server.group.connections

    alice.reset()
    assert await watcher.next("end") == ENDED

    assert connection.write is len


async def test_session_list_shows_tapped_sessions(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)
    await harness.member("bob")
    client = await admin_client(harness)

    sessions = (await client.read("sessions"))["sessions"]
    await watcher.leave()
    await alice.receive_json()

    assert [session["tapped"] for session in sessions] == [True, False]
    assert [session["tapped"] for session in (await client.read("sessions"))["sessions"]] == [False, False]


async def test_other_sessions_are_not_notified(harness: LiveServer) -> None:
    bob = await harness.member("bob", "lobby")
    await tapped(harness, "alice", "lobby")
    assert (await bob.receive_until("joined"))["username"] == "alice"

    assert (await bob.ask({"type": 4}))["clients"] == ["alice", "bob"]


# WebSockets


async def test_tap_shows_sent_and_received_frames_unchanged(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)
    request = '{"type": 4,  "ref": "Grüße"}'

    alice.send(text(request))
    response = await alice.receive()

    came, went = await watcher.next("frame"), await watcher.next("frame")
    assert TIME.fullmatch(came.pop("time"))
    assert TIME.fullmatch(went.pop("time"))
    assert came == {
        "direction": "in",
        "kind": "text",
        "size": len(request.encode()),
        "text": request,
        "truncated": False,
    }
    assert went == {
        "direction": "out",
        "kind": "text",
        "size": len(response.payload),
        "text": response.payload.decode(),
        "truncated": False,
    }


async def test_tap_shows_pushes(harness: LiveServer) -> None:
    _, watcher = await tapped(harness, "alice", "lobby")
    bob = await harness.member("bob", "lobby")
    await bob.ask({"type": 7, "room": "lobby", "content": "hi"})

    seen = [json.loads((await watcher.frame("out"))["text"]) for _ in range(2)]

    assert (seen[0]["event"], seen[0]["username"]) == ("joined", "bob")
    assert (seen[1]["sender"], seen[1]["content"]) == ("bob", "hi")


async def test_tap_shows_frames_of_all_opcodes(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)

    alice.send(client_frame(PING, b"are you there?") + client_frame(PING, b"\xff"))
    alice.send(client_frame(PONG, b"") + client_frame(BINARY, b"\x00\xff"))
    alice.send(client_frame(TEXT, b"{", final=False) + client_frame(CONTINUATION, b"}"))

    frames = [await watcher.next("frame") for _ in range(9)]
    came = [shown(frame) for frame in frames if frame["direction"] == "in"]
    went = [shown(frame) for frame in frames if frame["direction"] == "out"]
    assert came == [
        ("ping", "are you there?"),
        ("ping", b"\xff"),
        ("pong", ""),
        ("binary", b"\x00\xff"),
        ("text", "{}"),
    ]
    assert went[:2] == [("pong", "are you there?"), ("pong", b"\xff")]
    assert [json.loads(text)["code"] for _, text in went[2:]] == ["binary_frame", "unknown_type"]


async def test_tap_shows_pings_of_the_server(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY, ping=0.05)
    alice = await harness.client()
    watcher = await tap(harness, "0")
    assert (await alice.receive_json())["event"] == "tapped"
    await alice.reply_to_pings(1)

    assert (await watcher.frame("out", kind="ping"))["size"] == 0
    assert (await watcher.frame("in", kind="pong"))["size"] == 0


async def test_tap_shows_both_close_frames(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)

    alice.send(close(4000, "done €".encode()))
    assert await alice.closing() == (4000, "")

    came, went = await watcher.frame("in"), await watcher.frame("out")
    assert (came["kind"], came["text"], came["size"]) == ("close", "4000 done €", 10)
    assert (went["kind"], went["text"], went["size"]) == ("close", "4000", 2)
    assert (await watcher.event())[:] == ("end", ENDED)
    assert await watcher.end() == b""


async def test_tap_shows_a_close_without_a_code(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)

    alice.send(close())
    await alice.closing()

    for direction in ("in", "out"):
        frame = await watcher.frame(direction)
        assert (frame["kind"], frame["text"], frame["size"]) == ("close", "", 0)
    assert await watcher.next("end") == ENDED


async def test_tap_shows_a_protocol_violation(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)

    alice.send(client_frame(TEXT, b"x", mask=None))

    broken = await watcher.frame("in")
    assert (broken["kind"], broken["size"]) == ("violation", 0)
    assert broken["text"] == "1002 a client's frames must be masked"
    assert (await watcher.frame("out"))["text"] == "1002 a client's frames must be masked"
    await alice.closing()
    await alice.leave()
    assert await watcher.next("end") == ENDED


@pytest.mark.parametrize("way", ["leave", "reset"])
async def test_tap_ends_when_the_client_vanishes(harness: LiveServer, way: str) -> None:
    alice, watcher = await tapped(harness)

    if way == "reset":
        alice.reset()
    else:
        await alice.leave()

    assert await watcher.next("end") == ENDED
    assert await watcher.end() == b""
    assert taps(harness) == 0


async def test_tap_shows_a_kick_up_to_the_end(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)

    await (await admin_client(harness)).do("kick", {"session": "0", "reason": "be kind"})
    await alice.reply_to_close(1008, "kicked: be kind")

    assert (await watcher.frame("out"))["text"] == "1008 kicked: be kind"
    assert (await watcher.frame("in"))["text"] == "1008"
    assert await watcher.next("end") == ENDED


async def test_long_payloads_are_truncated_at_a_whole_character(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)
    content = "x" + "€" * 100_000  # three bytes each, over a length of 16 bits
    alice.send_json({"type": 3, "clients": ["alice"], "content": content})
    pushed = await alice.receive()

    came, went = await watcher.frame("in"), await watcher.frame("out")

    assert (came["truncated"], went["truncated"]) == (True, True)
    assert went["size"] == len(pushed.payload) > 300_000
    assert pushed.payload.decode().startswith(went["text"])
    assert SHOWN_BYTES - 3 < len(went["text"].encode()) <= SHOWN_BYTES


async def test_tap_decodes_every_frame_length(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)
    for length in (0, 1, 30, 200, 70_000, 5):
        await alice.ask({"type": 3, "clients": ["alice"], "content": "x" * length, "ref": length})

    for length in (0, 1, 30, 200, 70_000, 5):
        came, push, response = [await watcher.next("frame") for _ in range(3)]
        assert (came["direction"], push["direction"], response["direction"]) == ("in", "out", "out")
        assert length < push["size"] < length + 300
        assert json.loads(response["text"])["ref"] == length


async def test_tap_shows_a_frame_written_in_pieces_whole(open_server: OpenServer) -> None:
    """Frames to a slow consumer are written in parts, and the tap may start in the middle of one."""
    harness = open_server(secret_key=KEY, max_outbox=50_000_000)
    slow = await harness.client(receive_buffer_bytes=4096)
    await slow.enter("slow")
    alice = await harness.member("alice")
    (connection,) = [c for c in harness.server.group.connections if c.session and c.session.name == "slow"]
    count = 0
    while not connection.backlog_bytes or count % 5:
        await alice.ask({"type": 3, "clients": ["slow"], "content": f"{count} {'x' * 100_000}"})
        count += 1
    begun = connection._begun

    watcher = await tap(harness, await session_of(harness, "slow"))
    received = []
    while len(received) < count:
        frame = await slow.receive_json()
        assert "sender" in frame
        received.append(frame["content"].split()[0])
    assert (await slow.receive_json())["event"] == "tapped"

    seen = []
    while "tapped" not in (frame := await watcher.frame("out"))["text"]:
        assert frame["size"] > 100_000
        seen.append(re.findall(r'"content":"(\d+) ', frame["text"])[0])
    assert received == [str(number) for number in range(count)]
    assert seen == received[-len(seen) :]
    assert begun or harness.transport != "fast"


# The other protocols


async def test_tap_shows_lines(open_server: OpenServer) -> None:
    port = free_port()
    harness = open_server(secret_key=KEY, lines_port=port)
    bob = await RawClient.connect(port)
    bob.send(b"LOGIN bob\nJOIN lobby\n")
    for _ in range(3):
        await bob.reader.readline()
    watcher = await tap(harness, await session_of(harness, "bob"))
    assert json.loads(await bob.reader.readline()) == {"type": "tapped", "active": True}

    bob.send(b"hello, \xc3\xa9\r\n\xff\nHISTORY\nBOGUS\xe2")
    seen = [await watcher.frame("in") for _ in range(3)]

    assert [(*shown(frame), frame["size"]) for frame in seen] == [
        ("text", "hello, é", 9),
        ("binary", b"\xff", 1),
        ("text", "HISTORY", 7),
    ]
    await bob.leave()
    assert await watcher.next("end") == ENDED


async def test_tap_shows_telnet_commands_of_the_server_as_binary(open_server: OpenServer) -> None:
    port = free_port()
    harness = open_server(secret_key=KEY, lines_port=port)
    bob = await RawClient.connect(port)
    bob.send(b"LOGIN bob\n")
    await bob.reader.readline()
    watcher = await tap(harness, await session_of(harness, "bob"))

    bob.send(b"\xff\xf4\xff\xfd\x06WHO\n")

    assert shown(await watcher.frame("in")) == ("text", "WHO")
    sent = [shown(await watcher.frame("out")) for _ in range(2)]
    assert ("binary", b"\xff\xfc\x06") in sent
    await bob.leave()
    assert await watcher.next("end") == ENDED


async def test_tap_shows_each_sent_line_as_one_frame(open_server: OpenServer) -> None:
    port = free_port()
    harness = open_server(secret_key=KEY, lines_port=port)
    bob = await RawClient.connect(port)
    bob.send(b"LOGIN bob\n")
    await bob.reader.readline()
    watcher = await tap(harness, await session_of(harness, "bob"))
    await bob.reader.readline()

    bob.send(b"JOIN lobby\nhello\n/history lobby\nHISTORY\n")
    lines: list[bytes] = []
    while len(lines) < 4:
        lines.append((await bob.reader.readline()).removesuffix(b"\r\n"))

    seen = [await watcher.frame("out") for _ in range(1 + len(lines))]
    assert [frame["text"].encode() for frame in seen[1:]] == lines
    assert [frame["size"] for frame in seen[1:]] == [len(line) for line in lines]
    await bob.leave()
    await harness.until(lambda: taps(harness) == 0)


async def test_tap_shows_an_event_stream(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY, ping=0.05)
    stream = await harness.connect()
    stream.send(stream.request("/channel/lobby/", Accept="text/event-stream"))
    await stream.response()
    await harness.until(lambda: harness.server.hub.session_count() == 1)
    watcher = await tap(harness, "0")
    alice = await harness.member("alice", "lobby")
    sender = await harness.connect()
    sender.send(b"POST /channel/lobby/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na\nb")
    assert (await sender.response()).headers["x-delivered"] == "2"

    frames = [await watcher.frame("out", kind="text") for _ in range(3)]

    assert [frame["text"].partition("\n")[0] for frame in frames[:2]] == ["event: tapped", "event: joined"]
    assert frames[2]["text"].endswith("data: a\ndata: b")
    assert (await watcher.frame("out", kind="ping"))["text"] == ":"
    await stream.leave()
    assert await watcher.next("end") == ENDED
    assert alice.writer is not None


@pytest.mark.parametrize(
    ("path", "notification"),
    [
        ("/functions", {"function": "tapped", "active": True}),
        ("/channel/news/", {"event": "tapped", "active": True}),
        ("/opcodes", {"op": 0}),
    ],
)
async def test_notification_has_the_format_of_each_protocol(
    harness: LiveServer, path: str, notification: Any
) -> None:
    client = await harness.client(path=path)
    watcher = await tap(harness, "0")

    received = await client.receive_json()

    assert notification.items() <= received.items()
    assert json.loads((await watcher.frame("out"))["text"]) == received


async def test_tap_shows_binary_publications(harness: LiveServer) -> None:
    await harness.client(path="/channel/news/")
    watcher = await tap(harness, "0")
    sender = await harness.connect()
    payload = bytes(range(256)) * 100
    head = "POST /channel/news/ HTTP/1.1\r\nHost: localhost\r\nPackage-Type: bytes\r\n"
    head += f"Content-Length: {len(payload)}"
    sender.send(head.encode() + b"\r\n\r\n" + payload)
    assert (await sender.response()).status == 201

    frame = await watcher.frame("out", kind="binary")

    assert (frame["size"], frame["truncated"]) == (len(payload), True)
    assert base64.b64decode(frame["base64"]) == payload[:SHOWN_BYTES]


# Several watchers, slow watchers, errors


async def test_all_taps_of_a_session_show_the_same_frames(harness: LiveServer) -> None:
    alice, first = await tapped(harness)
    second = await tap(harness, "0")

    await alice.ask({"type": 9})

    assert [await first.event() for _ in range(2)] == [await second.event() for _ in range(2)]


async def test_session_can_be_tapped_again(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)
    for _ in range(3):
        await watcher.leave()
        assert await alice.receive_json() == UNTAPPED
        watcher = await tap(harness, "0")
        assert await alice.receive_json() == TAPPED
        await alice.ask({"type": 9})
        await watcher.frame("in", text='{"type": 9}')


async def test_slow_watcher_is_disconnected_and_the_session_continues(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY, max_outbox=100_000)
    alice = await harness.member("alice")
    slow = await tap(harness, "0", receive_buffer_bytes=4096)
    assert await alice.receive_json() == TAPPED

    received: list[Any] = []
    while UNTAPPED not in received:
        alice.send_json({"type": 3, "clients": ["alice"], "content": "x" * 20_000})
        responses = 0
        while responses == 0:
            received.append(await alice.receive_json())
            responses += "id" in received[-1] and "sender" not in received[-1]
        assert len(received) < 2_000

    assert taps(harness) == 0
    assert (await alice.ask({"type": 4}))["clients"] == ["alice"]
    await slow.leave()


class MemoryOutbox:
    """The outbox of a watcher; one with a *capacity* disconnects the watcher when it is full."""

    def __init__(self, capacity: int = 1_000) -> None:
        self.got: list[bytes] = []
        self.codes: list[int] = []
        self.watcher: Any = None
        self._capacity = capacity

    def send(self, payload: bytes) -> None:
        if len(self.got) == self._capacity:
            return  # as a connection that is closing
        self.got.append(payload)
        if len(self.got) == self._capacity:
            self.watcher.on_close()

    def send_binary(self, payload: bytes) -> None:
        raise AssertionError("an event is text")

    def disconnect(self, code: int, reason: str) -> None:
        self.codes.append(code)


async def test_watcher_that_overflows_during_a_notification_does_not_affect_others(
    harness: LiveServer,
) -> None:
    alice = await harness.member("alice")
    session = harness.server.hub.session("0")
    assert session is not None
    full, other = MemoryOutbox(capacity=2), MemoryOutbox()
    for outbox in (full, other):
        outbox.watcher = harness.server.admin.taps.opener(session)(outbox, "127.0.0.1", 1)
    assert await alice.receive_json() == TAPPED

    await alice.ask({"type": 9})
    await alice.ask({"type": 4})

    assert len(full.got) == 2
    assert b"".join(other.got).count(b"event: frame") == 5  # the notification, two requests, two responses
    other.watcher.on_close()
    assert await alice.receive_json() == UNTAPPED


async def test_watcher_is_notified_when_its_session_ends_during_the_request(harness: LiveServer) -> None:
    alice = await harness.member("alice")
    session = harness.server.hub.session("0")
    assert session is not None
    open_peer = harness.server.admin.taps.opener(session)
    await alice.leave()
    await harness.until(lambda: harness.server.hub.session_count() == 0)
    outbox = MemoryOutbox()

    open_peer(outbox, "127.0.0.1", 1).on_close()

    assert outbox.got == [b'event: end\ndata: {"reason":"the session ended"}\n\n']
    assert outbox.codes == [1000]
    assert taps(harness) == 0


async def test_tap_shows_the_shutdown_and_ends_with_it(harness: LiveServer) -> None:
    alice, watcher = await tapped(harness)

    draining = asyncio.create_task(harness.server.drain("Maintenance"))
    assert (await alice.receive_until("shutdown"))["reason"] == "Maintenance"
    await alice.reply_to_close(1001, "server shutdown")
    seen = [await watcher.frame("out")]
    await watcher.end()
    await watcher.leave()
    await draining

    assert json.loads(seen[0]["text"])["event"] == "shutdown"
    assert taps(harness) == 0


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "invalid_message"),
        ("?session=alice", 400, "invalid_message"),
        ("?session=0&limit=2", 400, "invalid_message"),
        ("?session=17", 404, "unknown_session"),
    ],
)
async def test_invalid_tap_request_is_rejected(
    harness: LiveServer, query: str, status: int, code: str
) -> None:
    await harness.member("alice")

    assert (await (await admin_client(harness)).read(f"tap{query}", status=status))["code"] == code


async def test_tap_is_rejected_during_a_shutdown(harness: LiveServer) -> None:
    await harness.member("alice")
    client = await admin_client(harness)
    await client.read("rooms")
    harness.server._stream_group.is_closing = True

    assert (await client.read("tap?session=0", status=503))["code"] == "unavailable"
    assert taps(harness) == 0
