"""Connections that wait: above the rate, with a backlog, or with a request that takes several turns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import PING, PONG, TEXT, ServerFrame, client_frame, server_frames, text
from scripted_transport import ScriptedTransport

from chateau.net.allowance import MAX_PAUSE_SECONDS, WARNINGS
from chateau.net.connection import LOW_WATER_BYTES, PIECE_BYTES
from chateau.net.connection_group import ConnectionGroup
from chateau.net.liveness import check_liveness
from chateau.net.turns import UNIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tornado.ioloop import IOLoop

RATE = 100
BURST = 2 * RATE
PATIENCE_SECONDS = 4


class Peer:
    """Acts on some messages: a cost, a number of steps, the time of a whole unit, a response of a size."""

    session = None

    def __init__(self, outbox: Any, pass_time: Callable[[float], None]) -> None:
        self.outbox = outbox
        self._pass_time = pass_time
        self.received: list[str] = []
        self.refused: list[str | bytes] = []

    def on_open(self) -> None:
        pass

    def on_excess(self, message: str | bytes) -> None:
        self.refused.append(message)

    def on_text(self, message: str) -> Iterator[None] | None:
        self.received.append(message)
        match message.split():
            case ["cost", tokens]:
                self.outbox.charge(float(tokens))
            case ["steps", count]:
                return self._steps(int(count))
            case ["slow"]:
                self._pass_time(UNIT_SECONDS)
            case [count, "bytes"]:
                self.outbox.send(b"x" * int(count))
        return None

    def on_binary(self, payload: bytes) -> None:
        self.received.append(payload.decode())

    def on_close(self) -> None:
        self.received.append("closed")

    def _steps(self, count: int) -> Iterator[None]:
        for number in range(count):
            self.received.append(f"step {number}")
            self._pass_time(UNIT_SECONDS)
            yield


class Client:
    """One connection, on a clock that the test and the peer advance."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, rate: float = RATE, name: str = "192.0.2.1"
    ) -> None:
        self.now = 1000.0
        self.group = ConnectionGroup(loop, max_rate=rate)
        self.group.turns.clock = lambda: self.now
        self.connection = ScriptedTransport(self.group)
        self.connection.open(self._open, "192.0.2.1", 50_000)

    def _open(self, outbox: Any, _address: str, _port: int) -> Any:
        self.peer = Peer(outbox, self.pass_time)
        return self.peer

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def feed(self, data: bytes) -> None:
        self.group.scheduler.cork()
        self.connection.on_bytes(data)
        self.group.scheduler.uncork()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 - the server has no event for a test
                await asyncio.sleep(0)


@pytest.fixture
def loop(io_loop: IOLoop) -> asyncio.AbstractEventLoop:
    return io_loop.asyncio_loop  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def client(loop: asyncio.AbstractEventLoop) -> Iterator[Client]:
    client = Client(loop)
    yield client
    client.connection.abort()
    client.group.poller.close()


EXCESS = [
    pytest.param(text("one"), "one", id="text"),
    pytest.param(client_frame(0x2, b"one"), b"one", id="binary"),
]


@pytest.mark.parametrize(("frame", "message"), EXCESS)
def test_first_messages_above_the_rate_are_refused_and_then_the_socket_is_not_read(
    client: Client, frame: bytes, message: str | bytes
) -> None:
    client.feed(text("a") * BURST)
    assert client.connection.reads
    assert not client.peer.refused

    client.feed(frame * (WARNINGS + 5))

    assert client.peer.refused == [message] * WARNINGS
    assert len(client.peer.received) == BURST
    assert not client.connection.reads


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(text("") * 50, id="empty texts"),
        pytest.param(client_frame(PING, b"") * 50, id="pings"),
        pytest.param(client_frame(PONG, b"") * 50, id="pongs"),
        pytest.param(
            client_frame(TEXT, b"", final=False) + client_frame(0x0, b"", final=False) * 50, id="fragments"
        ),
    ],
)
def test_floods_of_every_kind_of_frame_stop_the_reading(client: Client, flood: bytes) -> None:
    client.feed(text("a") * BURST)

    client.feed(flood)

    assert not client.connection.reads


@pytest.mark.gen_test
async def test_held_messages_are_served_in_order_when_there_are_tokens_and_then_it_is_read_again(
    client: Client,
) -> None:
    client.feed(text("a") * BURST)
    client.feed(text("excess") * WARNINGS + text("b") + text("c"))
    assert not client.connection.reads

    client.pass_time(1)
    await client.until(lambda: client.connection.reads)

    assert client.peer.received[BURST:] == ["b", "c"]


@pytest.mark.gen_test
async def test_expensive_message_is_served_and_its_successor_waits(client: Client) -> None:
    client.feed(text(f"cost {BURST + 50}") + text("x") * WARNINGS + text("after"))
    assert client.peer.received == [f"cost {BURST + 50}"]

    client.pass_time(0.25)
    await asyncio.sleep(0)
    assert not client.connection.reads, "the debt is not paid"

    client.pass_time(0.75)
    await client.until(lambda: client.connection.reads)
    assert client.peer.received[-1] == "after"


def test_no_request_leads_to_a_longer_pause_than_the_maximum(client: Client) -> None:
    client.feed(text("cost 1e9"))

    assert client.connection.allowance is not None
    assert client.connection.allowance.pause_seconds() <= MAX_PAUSE_SECONDS


def test_paused_client_is_pinged_and_not_ended_for_its_silence(client: Client) -> None:
    client.feed(text("a") * (BURST + WARNINGS + 1))

    for _ in range(10):
        check_liveness(client.connection, 30)
        client.connection.flush()

    assert server_frames(client.connection.sent) == [ServerFrame(PING, b"")] * 10
    assert "closed" not in client.peer.received


def test_paused_client_receives_what_others_send(client: Client) -> None:
    client.feed(text("a") * (BURST + WARNINGS + 1))

    client.connection.send(b"news")
    client.connection.flush()

    assert server_frames(client.connection.sent) == [ServerFrame(TEXT, b"news")]


def test_paused_client_that_hangs_up_is_gone(client: Client) -> None:
    client.feed(text("a") * (BURST + WARNINGS + 1))

    client.connection.on_hangup()

    assert client.peer.received[-1] == "closed"
    assert client.connection.is_gone


@pytest.mark.gen_test
async def test_client_with_a_backlog_waits_until_it_has_read_all_of_it(client: Client) -> None:
    accepted = client.connection.write
    client.connection.write = lambda _batch: 0
    client.feed(text(f"{LOW_WATER_BYTES + 1} bytes") + text("after"))

    assert client.peer.received == [f"{LOW_WATER_BYTES + 1} bytes"]
    assert not client.connection.reads

    client.connection.write = accepted
    client.connection.drain()
    await client.until(lambda: client.connection.reads)
    assert client.peer.received[-1] == "after"


@pytest.mark.gen_test
async def test_request_in_steps_takes_a_turn_for_each_and_the_next_waits_for_it(client: Client) -> None:
    client.feed(text("steps 3") + text("after"))
    assert client.peer.received == ["steps 3"], "the request's own turn has ended"
    assert not client.connection.reads

    await client.until(lambda: client.connection.reads)

    assert client.peer.received == ["steps 3", "step 0", "step 1", "step 2", "after"]


@pytest.mark.gen_test
async def test_client_that_leaves_during_a_request_in_steps_ends_it(client: Client) -> None:
    client.feed(text("steps 3"))
    client.connection.abort()

    for _ in range(5):
        await asyncio.sleep(0)

    assert client.peer.received == ["steps 3", "closed"]
    assert not client.group.turns.is_busy


@pytest.mark.gen_test
async def test_unit_of_work_ends_between_two_messages(client: Client) -> None:
    client.feed(text("slow") + text("after"))
    assert client.peer.received == ["slow"]

    await client.until(lambda: client.connection.reads)
    assert client.peer.received == ["slow", "after"]


@pytest.mark.gen_test
async def test_large_read_is_decoded_in_pieces_and_complete(loop: asyncio.AbstractEventLoop) -> None:
    client = Client(loop, rate=0)
    count = 10 * PIECE_BYTES // len(text("a"))
    client.feed(text("slow") + text("a") * count)
    assert len(client.peer.received) == 1

    await client.until(lambda: client.connection.reads)

    assert client.peer.received == ["slow", *["a"] * count]
    client.connection.abort()
    client.group.poller.close()


def test_message_costs_a_token_for_every_4_kib(client: Client) -> None:
    client.feed(text("x" * 4_096 * 100))
    assert client.connection.allowance is not None

    left = 0
    while client.connection.allowance.take(client.now):
        left += 1
    assert left == BURST - 1 - 100
