"""The listener: clients without a file descriptor are rejected, and service continues."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from raw_client import PATIENCE_SECONDS, RawClient
from running_server import running_server

from chateau.net import sockets
from chateau.net.sockets import Listener, bind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from conftest import Log
    from tornado.ioloop import IOLoop

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
from chateau.app import main
sys.exit(main())
"""


class Full:
    """While it lasts, this process has no file descriptor free."""

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, self._before[1]))
        with pytest.raises(OSError, match="Too many open files"):
            os.dup(0)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, self._before)


@pytest.fixture
def listening() -> Iterator[Listener]:
    [sock] = bind("127.0.0.1", 0)
    assert isinstance(sock, Listener)
    with closing(sock):
        yield sock


@pytest.fixture
def clients(listening: Listener) -> Iterator[list[socket.socket]]:
    """Three clients in the backlog; each one has a second to receive something."""
    clients = [socket.create_connection(listening.getsockname(), timeout=1) for _ in range(3)]
    yield clients
    for client in clients:
        client.close()


def has_been_sent_away(client: socket.socket) -> bool:
    return client.recv(1) == b""


def test_a_listener_lets_clients_in(listening: Listener, clients: list[socket.socket]) -> None:
    for client in clients:
        accepted, address = listening.accept()
        with accepted:
            assert address == client.getsockname()
            accepted.send(b"x")
            assert client.recv(1) == b"x"


def test_where_nobody_waits_it_says_so(listening: Listener) -> None:
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_client_without_a_descriptor_is_rejected(
    listening: Listener, clients: list[socket.socket], log: Log
) -> None:
    with Full(), pytest.raises(BlockingIOError):
        listening.accept()

    assert has_been_sent_away(clients[0])
    assert log.taken() == ["out of file descriptors: 1 client(s) rejected so far"]
    listening.accept()[0].close()
    assert has_been_sent_away(clients[1])


def test_sending_many_away_is_not_a_line_for_each(
    listening: Listener, clients: list[socket.socket], log: Log
) -> None:
    with Full():
        for _ in clients:
            with pytest.raises(BlockingIOError):
                listening.accept()

    assert all(map(has_been_sent_away, clients))
    assert log.taken() == [
        "out of file descriptors: 1 client(s) rejected so far",
        "out of file descriptors: 2 client(s) rejected so far",
    ]


def test_without_a_descriptor_and_with_nobody_waiting_nobody_is_sent_away(listening: Listener) -> None:
    with Full(), pytest.raises(BlockingIOError):
        listening.accept()

    with socket.create_connection(listening.getsockname(), timeout=1):
        listening.accept()[0].close()


def test_it_never_closes_a_descriptor_of_somebody_else(listening: Listener, log: Log) -> None:
    with Full(), pytest.raises(BlockingIOError):
        listening.accept()  # nobody waits
    mine, other = socket.socketpair()
    with mine, other, socket.create_connection(listening.getsockname(), timeout=1) as client:
        with Full(), pytest.raises(BlockingIOError):
            listening.accept()

        assert has_been_sent_away(client)
        mine.send(b"still here")
        assert other.recv(100) == b"still here"
    assert log.taken() == ["out of file descriptors: 1 client(s) rejected so far"]


def test_other_troubles_are_raised(listening: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    def accept(self: socket.socket) -> None:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    monkeypatch.setattr(socket.socket, "accept", accept)

    with pytest.raises(OSError, match="No buffer space"):
        listening.accept()


def test_closing_it_gives_both_descriptors_back_once() -> None:
    [sock] = bind("127.0.0.1", 0)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))

    sock.close()
    sock.close()

    assert len(list(descriptors.iterdir())) == before - 2


def test_as_many_descriptors_are_taken_as_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))

    sockets.raise_descriptor_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_where_the_system_knows_no_such_limit_none_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)

    sockets.raise_descriptor_limit()


@pytest.mark.gen_test(timeout=30)
async def test_a_server_without_descriptors_goes_on_serving(io_loop: IOLoop) -> None:
    with running_server(command=(sys.executable, "-c", LIMITED)) as server:
        port = int(server.address.split(":")[2].strip("/"))
        alice = await (await (await RawClient.connect(port)).shake_hands()).enter("alice")
        let_in: list[RawClient] = []
        sent_away = 0

        while sent_away < 3:
            client = await RawClient.connect(port)
            client.send(client.handshake_request())
            try:
                await client.response()
                let_in.append(client)
            except (asyncio.IncompleteReadError, OSError):
                await client.leave()
                sent_away += 1
        assert (await alice.ask({"type": 4}))["clients"] == ["alice"]
        for client in let_in:
            client.say({"type": 4})
            assert (await client.hear())["code"] == "not_registered"

        for client in let_in:
            await client.leave()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                client = await RawClient.connect(port)
                try:
                    bob = await (await client.shake_hands()).enter("bob")
                    break
                except (asyncio.IncompleteReadError, OSError):
                    await client.leave()  # those who left have not been noticed yet
        assert (await bob.ask({"type": 3, "clients": ["alice"], "content": "hi"}))["status"] == 200
        assert (await alice.hear())["content"] == "hi"
        await bob.leave()
        await alice.leave()
        assert await asyncio.to_thread(server.stop) == 0

    lines = [line for line in server.log.splitlines() if "ERROR" in line]
    assert lines
    assert all("out of file descriptors: " in line for line in lines)
    assert "Traceback" not in server.log
