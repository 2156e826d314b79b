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

    from captured_log import Log
    from tornado.ioloop import IOLoop

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
from chateau.app import main
sys.exit(main())
"""


class NoDescriptors:
    """A context in which this process has no free file descriptor."""

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
    [sock] = bind(["127.0.0.1"], 0)
    assert isinstance(sock, Listener)
    with closing(sock):
        yield sock


@pytest.fixture
def clients(listening: Listener) -> Iterator[list[socket.socket]]:
    """Three clients in the backlog, with a receive timeout of one second."""
    clients = [socket.create_connection(listening.getsockname(), timeout=1) for _ in range(3)]
    yield clients
    for client in clients:
        client.close()


def is_rejected(client: socket.socket) -> bool:
    return client.recv(1) == b""


def test_listener_accepts_clients(listening: Listener, clients: list[socket.socket]) -> None:
    for client in clients:
        accepted, address = listening.accept()
        with accepted:
            assert address == client.getsockname()
            accepted.send(b"x")
            assert client.recv(1) == b"x"


def test_accept_without_a_pending_client_raises_blocking_io_error(listening: Listener) -> None:
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_client_without_a_descriptor_is_rejected(
    listening: Listener, clients: list[socket.socket], log: Log
) -> None:
    with NoDescriptors(), pytest.raises(BlockingIOError):
        listening.accept()

    assert is_rejected(clients[0])
    assert log.taken() == ["out of file descriptors: 1 client(s) rejected so far"]
    listening.accept()[0].close()
    assert is_rejected(clients[1])


def test_rejections_are_logged_with_a_limited_rate(
    listening: Listener, clients: list[socket.socket], log: Log
) -> None:
    with NoDescriptors():
        for _ in clients:
            with pytest.raises(BlockingIOError):
                listening.accept()

    assert all(map(is_rejected, clients))
    assert log.taken() == [
        "out of file descriptors: 1 client(s) rejected so far",
        "out of file descriptors: 2 client(s) rejected so far",
    ]


def test_no_client_is_rejected_when_none_is_pending(listening: Listener) -> None:
    with NoDescriptors(), pytest.raises(BlockingIOError):
        listening.accept()

    with socket.create_connection(listening.getsockname(), timeout=1):
        listening.accept()[0].close()


def test_listener_never_closes_a_descriptor_it_does_not_own(listening: Listener, log: Log) -> None:
    with NoDescriptors(), pytest.raises(BlockingIOError):
        listening.accept()  # no client is pending
    mine, other = socket.socketpair()
    with mine, other, socket.create_connection(listening.getsockname(), timeout=1) as client:
        with NoDescriptors(), pytest.raises(BlockingIOError):
            listening.accept()

        assert is_rejected(client)
        mine.send(b"still here")
        assert other.recv(100) == b"still here"
    assert log.taken() == ["out of file descriptors: 1 client(s) rejected so far"]


def test_other_errors_are_raised(listening: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    def accept(self: socket.socket) -> None:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    monkeypatch.setattr(socket.socket, "accept", accept)

    with pytest.raises(OSError, match="No buffer space"):
        listening.accept()


def test_close_releases_both_descriptors_once() -> None:
    [sock] = bind(["127.0.0.1"], 0)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))

    sock.close()
    sock.close()

    assert len(list(descriptors.iterdir())) == before - 2


def test_descriptor_limit_is_raised_to_the_hard_limit() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))

    sockets.raise_descriptor_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_descriptor_limit_is_ignored_where_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)

    sockets.raise_descriptor_limit()


@pytest.mark.gen_test(timeout=30)
async def test_server_without_descriptors_continues_to_serve(io_loop: IOLoop) -> None:
    with running_server(command=(sys.executable, "-c", LIMITED)) as server:
        port = int(server.address.split(":")[2].strip("/"))
        alice = await (await (await RawClient.connect(port)).upgrade()).enter("alice")
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
            client.send_json({"type": 4})
            assert (await client.receive_json())["code"] == "not_registered"

        for client in let_in:
            await client.leave()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                client = await RawClient.connect(port)
                try:
                    bob = await (await client.upgrade()).enter("bob")
                    break
                except (asyncio.IncompleteReadError, OSError):
                    await client.leave()  # disconnected clients have not been detected yet
        assert (await bob.ask({"type": 3, "clients": ["alice"], "content": "hi"}))["status"] == 200
        assert (await alice.receive_json())["content"] == "hi"
        await bob.leave()
        await alice.leave()
        assert await asyncio.to_thread(server.stop) == 0

    lines = [line for line in server.log.splitlines() if "ERROR" in line]
    assert lines
    assert all("out of file descriptors: " in line for line in lines)
    assert "Traceback" not in server.log
