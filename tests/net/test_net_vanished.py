"""Clients whose network vanishes: no FIN, no RST, nothing. The clients live in a network namespace (Linux).

Creating one takes the rights of root.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from running_server import free_port, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

PING_SECONDS = 1
SLACK_SECONDS = 1.0
"""For the sweep that comes later than exactly after two intervals, and for a busy machine."""

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
STREAM = b"GET /channel/lobby/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
LOGIN = b"LOGIN liam\r\nJOIN lobby\r\n"
CLONE_NEWNET = 0x40000000


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Network:
    """A namespace, and a cable to it; *host* is this end."""

    def __init__(self, number: int) -> None:
        self.name = f"chateau{number}"
        self._ends = f"cha{number}", f"chb{number}"
        prefix = f"10.231.{number % 250}"
        self.host = f"{prefix}.1"
        ip("netns", "add", self.name)
        ip("link", "add", self._ends[0], "type", "veth", "peer", "name", self._ends[1])
        ip("link", "set", self._ends[1], "netns", self.name)
        ip("addr", "add", f"{self.host}/24", "dev", self._ends[0])
        ip("link", "set", self._ends[0], "up")
        ip("-n", self.name, "addr", "add", f"{prefix}.2/24", "dev", self._ends[1])
        ip("-n", self.name, "link", "set", self._ends[1], "up")

    def connect(self, port: int, sent: bytes) -> socket.socket:
        """Return a socket inside the namespace that has sent *sent* and received a response."""

        def connect() -> socket.socket:
            with Path(f"/run/netns/{self.name}").open() as file:
                assert ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) == 0
            return socket.create_connection((self.host, port), timeout=10)

        with ThreadPoolExecutor(1) as thread:  # only this thread moves there
            sock = thread.submit(connect).result()
        sock.sendall(sent)
        assert sock.recv(1_000)
        return sock

    def vanish(self) -> None:
        """Drop everything from now on."""
        ip("-n", self.name, "link", "set", self._ends[1], "down")

    def close(self) -> None:
        """Remove the cable and the namespace."""
        ip("link", "del", self._ends[0])
        ip("netns", "del", self.name)


@contextmanager
def opened_network() -> Iterator[Network]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("network namespaces need Linux and root")
    try:
        network = Network(os.getpid() % 100_000)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"network namespaces are not permitted here: {getattr(exc, 'stderr', exc)}")
    try:
        yield network
    finally:
        network.close()


def protocols(address: str) -> list[str]:
    """Return the protocols of the sessions on the server."""
    request = Request(f"{address}admin/sessions", headers={"Authorization": "Bearer swordfish"})
    with urlopen(request, timeout=10) as response:
        return sorted(session["protocol"] for session in json.load(response)["sessions"])


def wait_until_gone(address: str, what: list[str], *, since: float, seconds: float) -> float:
    """Wait until the sessions are *what*; return the seconds that this took *since* a time."""
    while (found := protocols(address)) != what:
        assert time.monotonic() - since < seconds, f"still there: {found}"
        time.sleep(0.02)
    return time.monotonic() - since


@contextmanager
def server_at(network: Network) -> Iterator[tuple[str, int, int]]:
    """Start a server; yield its address and its two ports."""
    lines_port = free_port()
    flags = ["--host", network.host, "--ping", str(PING_SECONDS), "--secret-key", "swordfish"]
    with running_server(*flags, "--lines-port", str(lines_port)) as server:
        yield server.address, int(server.address.rstrip("/").rpartition(":")[2]), lines_port


def test_clients_whose_network_vanishes_are_gone_within_two_intervals() -> None:
    with opened_network() as network, server_at(network) as (address, port, lines_port):
        clients = [
            network.connect(lines_port, LOGIN),
            network.connect(port, HANDSHAKE),
            network.connect(port, STREAM),
        ]
        time.sleep(PING_SECONDS * 4)
        assert protocols(address) == ["channels", "chateau", "lines"], "silent clients stay"

        network.vanish()
        seconds = 2 * PING_SECONDS + PING_SECONDS + SLACK_SECONDS
        took = wait_until_gone(address, [], since=time.monotonic(), seconds=seconds)

        assert took > PING_SECONDS - 0.1, "it was the silence that ended them"
        for client in clients:
            client.close()


def test_short_outage_ends_nobody() -> None:
    with opened_network() as network, server_at(network) as (address, port, lines_port):
        clients = [network.connect(lines_port, LOGIN), network.connect(port, HANDSHAKE)]

        network.vanish()
        time.sleep(PING_SECONDS * 0.7)
        ip("-n", network.name, "link", "set", network._ends[1], "up")
        time.sleep(PING_SECONDS * 4)

        assert protocols(address) == ["chateau", "lines"]
        for client in clients:
            client.close()
