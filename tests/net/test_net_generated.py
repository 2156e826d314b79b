"""Frames that no table thinks of: made by hypothesis, valid, mutated, or any bytes at all."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from masked_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    client_frame,
    server_frames,
)
from scripted_transport import ScriptedTransport

from chateau.hub.hub import Hub
from chateau.ids import MessageIdGenerator
from chateau.names import normalize_name
from chateau.net.connection import OPEN
from chateau.net.connection_group import ConnectionGroup
from chateau.net.frames import Binary, Close, Decoder, Ping, Pong, Received, Violation, is_close_code
from chateau.protocols.chateau import SPEC, ChateauProtocol
from chateau.protocols.schemas import SchemaSet
from chateau.protocols.spec import ProtocolContext
from chateau.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 2_000
FRAMES_IN_ALL = 100_000
FRAMES_AN_EXAMPLE = 500
EXAMPLES = FRAMES_IN_ALL // FRAMES_AN_EXAMPLE + 10

masks = st.binary(min_size=4, max_size=4)
short = st.binary(max_size=125)
controls = st.one_of(st.builds(Ping, short), st.builds(Pong, short))
messages = st.one_of(st.text(max_size=300), st.binary(max_size=300).map(Binary))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[Received]]:
    """Frames of a client, in fragments with control frames between them, and their meaning."""
    sent, received = bytearray(), []
    for message in draw(st.lists(messages, max_size=5)):
        opcode, payload = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message.payload)
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        for number, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(payload)], strict=True)):
            for control in draw(st.lists(controls, max_size=2)):
                kind = PING if isinstance(control, Ping) else PONG
                sent += client_frame(kind, control.payload, mask=draw(masks))
                received.append(control)
            piece, final = payload[start:stop], number == len(cuts)
            sent += client_frame(CONTINUATION if number else opcode, piece, final=final, mask=draw(masks))
        received.append(message)
    return bytes(sent), received


def in_pieces(sent: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """*sent* in pieces of *sizes*, over and over."""
    start = number = 0
    while start < len(sent):
        stop = start + sizes[number % len(sizes)]
        yield sent[start:stop]
        start, number = stop, number + 1


sizes = st.lists(st.integers(1, 400), min_size=1, max_size=6)


@given(conversation=conversations(), sizes=sizes)
def test_any_conversation_is_decoded_as_encoded(
    conversation: tuple[bytes, list[Received]], sizes: list[int]
) -> None:
    sent, expected = conversation
    decoder = Decoder(LIMIT)

    received = [each for piece in in_pieces(sent, sizes) for each in decoder.feed(piece)]

    assert received == expected


frame_heads = st.builds(
    client_frame,
    st.sampled_from([CONTINUATION, TEXT, TEXT, BINARY, CLOSE, PING, PONG, 0x3, 0xB]),
    st.one_of(st.binary(max_size=200), st.text(max_size=60).map(str.encode)),
    final=st.booleans(),
    mask=st.one_of(st.just(b"\0\0\0\0"), masks, st.none()),
    reserved=st.sampled_from([0, 0, 0, 0, 0, 1, 4]),
    length_bytes=st.sampled_from([None, None, None, 2, 8]),
)
any_bytes = st.lists(st.one_of(frame_heads, st.binary(max_size=30)), max_size=8).map(b"".join)


@settings(max_examples=400)
@given(sent=any_bytes, sizes=sizes)
def test_any_bytes_are_frames_or_one_violation_wherever_they_are_cut(sent: bytes, sizes: list[int]) -> None:
    whole = Decoder(LIMIT).feed(sent)
    decoder = Decoder(LIMIT)
    received: list[Received] = []

    for piece in in_pieces(sent, sizes):
        received += decoder.feed(piece)
        assert received == whole[: len(received)]

    assert received == whole
    assert not any(isinstance(each, (Close, Violation)) for each in whole[:-1])


# A hundred thousand frames against the decoder, a connection and the protocol behind it.

NAMES = ["alice", "Bob", "çeza", "dora", "", " x", "x" * 33, "\u202e", 7, None]
ROOMS = ["lobby", "Lobby", "r2", "", "x" * 65]
LIVELY = (
    {"type": 5, "room": "lobby"},
    {"type": 7, "room": "lobby", "content": "hi"},
    {"type": 3, "clients": ["alice"], "content": "hi"},
    {"type": 4},
    {"type": 9, "ref": "r"},
    {"type": 8, "room": "lobby", "limit": 3},
    {"type": 6, "room": "lobby"},
)


class FrameMaker:
    """Makes one frame after the other: what a client may say, and what it may not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._due: list[bytes] = []  # the rest of a fragmented message

    def introduction(self) -> bytes:
        return self._masked(TEXT, json.dumps({"type": 1, "username": self.random.choice(NAMES)}).encode())

    def frame(self) -> bytes:
        if self._due:
            return self._due.pop(0)
        roll = self.random.random()
        if roll < 0.6:
            return self._masked(TEXT, self._request())
        if roll < 0.7:
            return self._masked(TEXT, self._mutated(self._request(), to=128))
        if roll < 0.8:
            return self._masked(self.random.choice((PING, PONG)), self._noise(125))
        if roll < 0.9:
            return self._fragmented(self._request())
        if roll < 0.95:
            return self._masked(BINARY, self._noise(60))
        if roll < 0.96:
            return self._masked(CLOSE, self.random.choice((b"", b"\x03\xe8", b"\x03\xedx", self._noise(9))))
        if roll < 0.97:
            return self._masked(CONTINUATION, self._request())
        return self._mutated(self._masked(TEXT, self._request()), to=256)

    def _fragmented(self, payload: bytes) -> bytes:
        cut = self.random.randrange(len(payload))
        if self.random.random() < 0.5:
            self._due.append(self._masked(PING, b"between"))
        self._due.append(self._masked(CONTINUATION, payload[cut:]))
        return self._masked(TEXT, payload[:cut], final=False)

    def _masked(self, opcode: int, payload: bytes, *, final: bool = True) -> bytes:
        return client_frame(opcode, payload, final=final, mask=self.random.randbytes(4))

    def _request(self) -> bytes:
        roll = self.random.random()
        if roll < 0.6:
            request: dict[str, Any] = dict(self.random.choice(LIVELY))
        elif roll < 0.75:
            request = {"type": 1, "username": self.random.choice(NAMES)}
        else:
            request = {"type": self.random.choice((0, 2, 3, 5, 7, 8, 10, 3.0, "3", None))}
        if roll > 0.9:
            key = self.random.choice(("room", "content", "clients", "ref", "since", "from", "password", "é"))
            request[key] = self.random.choice((*NAMES, *ROOMS, [], {}, 1.5, ["alice", "alice"]))
        return json.dumps(request, ensure_ascii=roll < 0.3).encode()

    def _mutated(self, sent: bytes, *, to: int) -> bytes:
        """*sent* with a few bytes changed to others below *to*, cut off or behind it."""
        changed = bytearray(sent)
        for _ in range(self.random.randint(1, 3)):
            match self.random.randrange(3):
                case 0:
                    changed[self.random.randrange(len(changed))] = self.random.randrange(to)
                case 1:
                    del changed[self.random.randrange(len(changed)) or 1 :]
                case 2:
                    changed += bytes(byte % to for byte in self._noise(8))
        return bytes(changed)

    def _noise(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most))


class Harness:
    """The protocol and its connection group, on an event loop that the test drives."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.group = ConnectionGroup(loop, max_frame=LIMIT)
        self.hub = Hub(
            store=MemoryStore(),
            normalize_name=normalize_name,
            next_id=MessageIdGenerator(time.time),
            clock=time.monotonic,
            call_later=loop.call_later,
        )
        self.endpoint = ChateauProtocol(
            ProtocolContext(
                hub=self.hub,
                schemas=SchemaSet(SPEC.schemas, url="/schemas/chateau"),
                broadcast=self.group.broadcast,
                clock=time.monotonic,
                max_frame=LIMIT,
            )
        )

    def connected(self) -> ScriptedTransport:
        connection = ScriptedTransport(self.group)
        connection.open(self.endpoint.open, "127.0.0.1", 50_000)
        return connection

    def run_iteration(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()


@contextmanager
def open_server() -> Iterator[Harness]:
    loop = asyncio.new_event_loop()
    harness = Harness(loop)
    yield harness
    harness.group.poller.close()
    loop.close()


def check_what_was_sent(connection: ScriptedTransport) -> None:
    """Every frame is whole, every text is JSON with a status, and a close is the last one."""
    frames = server_frames(connection.sent)
    for frame in frames:
        if frame.opcode == TEXT:
            response = json.loads(frame.payload)
            assert response["status"] == 200 or (
                response["status"] == 400 and response["error"] and response["code"]
            )
            assert response.get("code") != "internal"
        elif frame.opcode == CLOSE:
            assert frame.code is None or is_close_code(frame.code)
            assert frame.code != 1011
        else:
            assert frame.opcode == PONG
    assert all(frame.opcode != CLOSE for frame in frames[:-1])


def feed_in(harness: Harness, maker: FrameMaker) -> list[ScriptedTransport]:
    """Feed an example's frames to one client after the other; each ends as the decoder decides."""
    clients: list[ScriptedTransport] = []
    decoder = Decoder(LIMIT)
    for number in range(FRAMES_AN_EXAMPLE):
        if not clients or clients[-1]._state != OPEN:
            decoder = Decoder(LIMIT)
            clients.append(harness.connected())
            frame = maker.introduction()
        else:
            frame = maker.frame()
        harness.group.scheduler.cork()
        clients[-1].on_bytes(frame)
        harness.group.scheduler.uncork()
        has_ended = any(isinstance(each, (Close, Violation)) for each in decoder.feed(frame))
        assert has_ended == (clients[-1]._state != OPEN)
        if number % 100 == 0:
            harness.run_iteration()
    return clients


def test_hundred_thousand_frames_raise_no_exception_and_get_json_responses() -> None:
    fed = 0
    with open_server() as harness:

        @settings(max_examples=EXAMPLES, phases=[Phase.generate])
        @given(seed=st.integers(0, 2**64 - 1))
        def feed(seed: int) -> None:
            nonlocal fed

            clients = feed_in(harness, FrameMaker(seed))
            for client in clients:
                client.on_end()
            harness.run_iteration()
            fed += FRAMES_AN_EXAMPLE

            for client in clients:
                check_what_was_sent(client)
                assert client.is_gone
            assert not harness.group.connections
            assert harness.hub.usernames() == []

        feed()
    assert fed >= FRAMES_IN_ALL
