"""Every poller passes these tests, on real sockets."""

from __future__ import annotations

import asyncio
import select
import socket
from typing import TYPE_CHECKING, Any

import pytest

from chateau.net.outbox import FlushScheduler, Outbox
from chateau.net.poller import EpollPoller, LoopPoller, Poller, make_poller
from chateau.net.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tornado.ioloop import IOLoop

pytestmark = pytest.mark.gen_test

PATIENCE_SECONDS = 4
ROUNDS = 5  # of the loop; an event not reported by then is never reported


class FrameObserver:
    """An observer of one socket, which records its events, reads its data, and calls the test."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.address = "192.0.2.1"
        self.is_waiting = False
        self.received: list[str] = []
        self.something = asyncio.Event()
        self.when_readable: Callable[[], None] = self.read
        self.when_writable: Callable[[], None] = lambda: None

    def read(self) -> None:
        self.sock.recv(1_000)

    def take_turn(self) -> None:
        self.is_waiting = False
        self.received.append("readable")
        self.something.set()
        self.when_readable()

    def on_hangup(self) -> None:
        self.received.append("hangup")
        self.something.set()

    def drain(self) -> None:
        self.received.append("writable")
        self.something.set()
        self.when_writable()

    async def wait_for(self, what: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while what not in self.received:
                self.something.clear()
                await self.something.wait()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The socket of the server and that of the client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[EpollPoller, LoopPoller])
def poller(request: pytest.FixtureRequest, io_loop: IOLoop, pair: Pair) -> Iterator[Poller]:
    """A poller that is closed before the sockets."""
    loop: asyncio.AbstractEventLoop = io_loop.asyncio_loop  # type: ignore[attr-defined]
    kind: Any = request.param
    scheduler = FlushScheduler(loop)
    turns = Turns(loop, scheduler)
    poller = kind(loop, scheduler, turns) if kind is EpollPoller else kind(loop, turns)
    yield poller
    poller.close()


async def rounds() -> None:
    for _ in range(ROUNDS):
        await asyncio.sleep(0.001)


def fill(sock: socket.socket) -> None:
    """Write until nothing more can be written."""
    try:
        while True:
            sock.send(bytes(65_536))
    except BlockingIOError:
        pass


def empty(sock: socket.socket) -> None:
    """Read until there is nothing more to read."""
    try:
        while True:
            sock.recv(65_536)
    except BlockingIOError:
        pass


async def test_readable_socket_is_reported(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)

    await rounds()
    assert watched.received == []
    theirs.send(b"x")
    await watched.wait_for("readable")
    await rounds()

    assert watched.received == ["readable"]


async def test_unread_data_is_reported_again(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    watched.when_readable = lambda: watched.read() if len(watched.received) == 3 else None
    poller.watch(ours.fileno(), watched)

    theirs.send(b"x")
    await watched.wait_for("readable")
    await rounds()

    assert watched.received == ["readable"] * 3


async def test_end_of_the_connection_is_reported(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)

    theirs.close()
    await watched.wait_for("readable")

    assert ours.recv(1) == b""


async def test_writable_socket_is_reported_only_when_watched(poller: Poller, pair: Pair) -> None:
    ours, _ = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)

    await rounds()
    assert watched.received == []
    poller.watch_writing(ours.fileno())
    await watched.wait_for("writable")
    poller.unwatch_writing(ours.fileno())
    watched.received.clear()
    await rounds()

    assert watched.received == []


async def test_writing_is_reported_once_the_socket_buffer_has_space(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)
    fill(ours)
    poller.watch_writing(ours.fileno())

    await rounds()
    assert watched.received == []
    empty(theirs)
    await watched.wait_for("writable")

    assert watched.received[0] == "writable"


async def test_reading_is_reported_while_writing_is_watched(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)
    fill(ours)
    poller.watch_writing(ours.fileno())

    theirs.send(b"x")
    await watched.wait_for("readable")
    poller.unwatch_writing(ours.fileno())
    watched.received.clear()
    theirs.send(b"y")
    await watched.wait_for("readable")

    assert "writable" not in watched.received


async def test_unwatched_socket_is_not_reported(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)
    poller.watch_writing(ours.fileno())

    poller.forget(ours.fileno())
    theirs.send(b"x")
    await rounds()

    assert watched.received == []


async def test_unwatch_is_idempotent(poller: Poller, pair: Pair) -> None:
    ours, _ = pair
    poller.watch(ours.fileno(), FrameObserver(ours))

    poller.forget(ours.fileno())
    poller.forget(ours.fileno())
    poller.forget(-1)


@pytest.mark.parametrize("moment", ["when_readable", "when_writable"])
async def test_socket_may_be_unwatched_and_closed_in_its_callback(
    poller: Poller, pair: Pair, moment: str
) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)

    def end() -> None:
        poller.forget(ours.fileno())
        ours.close()

    setattr(watched, moment, end)
    poller.watch(ours.fileno(), watched)
    if moment == "when_writable":
        poller.watch_writing(ours.fileno())
    else:
        theirs.send(b"x")
    await watched.wait_for(moment.removeprefix("when_"))
    await rounds()

    assert len(watched.received) == 1


async def test_socket_unwatched_in_the_callback_of_another_is_not_reported(
    poller: Poller, pair: Pair
) -> None:
    ours, theirs = pair
    watched, other = FrameObserver(ours), FrameObserver(theirs)
    for one, another in ((watched, other), (other, watched)):
        one.when_readable = lambda another=another: poller.forget(another.sock.fileno())  # type: ignore[misc]
    ours.send(b"x")
    theirs.send(b"x")

    poller.watch(ours.fileno(), watched)
    poller.watch(theirs.fileno(), other)
    await rounds()

    assert bool(watched.received) != bool(other.received)


async def test_descriptor_may_be_watched_again_by_another_observer(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched, other = FrameObserver(ours), FrameObserver(ours)
    poller.watch(ours.fileno(), watched)
    poller.forget(ours.fileno())

    poller.watch(ours.fileno(), other)
    theirs.send(b"x")
    await other.wait_for("readable")

    assert watched.received == []


async def test_closed_poller_reports_nothing(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    poller.watch(ours.fileno(), watched)

    poller.close()
    poller.close()
    theirs.send(b"x")
    await rounds()

    assert watched.received == []


async def test_events_of_one_epoll_call_are_one_iteration(io_loop: IOLoop) -> None:
    loop = asyncio.get_running_loop()
    scheduler = FlushScheduler(loop)
    poller = make_poller(loop, scheduler, Turns(loop, scheduler))
    assert isinstance(poller, EpollPoller)
    readable: list[int] = []
    writes: list[tuple[int, bytes]] = []

    class Answering(Outbox):
        def __init__(self, number: int, sock: socket.socket) -> None:
            super().__init__(1_000)
            self.number = number
            self.sock = sock
            self.write = self._write

        def _write(self, batch: bytes) -> int:
            writes.append((len(readable), batch))
            return len(batch)

        is_waiting = False
        address = "192.0.2.1"

        def on_hangup(self) -> None:
            raise AssertionError

        def take_turn(self) -> None:
            readable.append(self.number)
            self.sock.recv(10)
            scheduler.enqueue(boxes[0], b"%d" % self.number)

        def drain(self) -> None:
            raise AssertionError

    pairs = [socket.socketpair() for _ in range(3)]
    boxes = [Answering(number, ours) for number, (ours, _) in enumerate(pairs)]
    for box, (ours, theirs) in zip(boxes, pairs, strict=True):
        theirs.send(b"x")
        poller.watch(ours.fileno(), box)
    await rounds()

    poller.close()
    for sock in (sock for ends in pairs for sock in ends):
        sock.close()
    assert sorted(readable) == [0, 1, 2]
    assert [(count, sorted(batch)) for count, batch in writes] == [(3, sorted(b"012"))]


async def test_event_loop_watches_sockets_without_epoll(
    monkeypatch: pytest.MonkeyPatch, io_loop: IOLoop
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.delattr(select, "epoll")

    scheduler = FlushScheduler(loop)

    poller = make_poller(loop, scheduler, Turns(loop, scheduler))

    assert isinstance(poller, LoopPoller)


async def test_writing_is_reported_after_reading_is_unwatched(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    watched = FrameObserver(ours)
    watched.when_writable = lambda: poller.unwatch_writing(ours.fileno())
    poller.watch(ours.fileno(), watched)

    poller.unwatch_reading(ours.fileno())
    theirs.send(b"x")
    await rounds()
    assert watched.received == []
    poller.watch_writing(ours.fileno())
    await watched.wait_for("writable")
    await rounds()

    assert watched.received == ["writable"]
