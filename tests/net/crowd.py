"""A thousand members of one room in one thread, which record the latency of each message."""

from __future__ import annotations

import json
import resource
import select
import socket
import time
from typing import TYPE_CHECKING, Any

from masked_frames import TEXT, first_server_frame, text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = "lobby"
PATIENCE_SECONDS = 20
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n\r\n"
)


class Member:
    """A client that registers and joins; a small *receive_buffer_bytes* makes it a slow consumer."""

    def __init__(self, port: int, name: str, *, receive_buffer_bytes: int | None = None) -> None:
        self.name = name
        self.sock = socket.socket()
        if receive_buffer_bytes is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(HANDSHAKE)
        self._read = bytearray()
        self.send_json({"type": 1, "username": name})
        self.send_json({"type": 5, "room": ROOM})

    def send_json(self, request: dict[str, Any]) -> None:
        self.sock.sendall(text(json.dumps(request)))

    def read(self) -> bool:
        """Read available data, or wait for it; return False at the end of the connection."""
        more = self.sock.recv(262_144)
        self._read += more
        return bool(more)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield the complete frames read so far."""
        while (found := first_server_frame(self._read)) is not None:
            del self._read[: found[1]]
            yield found[0]

    def wait_inside(self) -> None:
        """Wait for the responses to the handshake and both requests."""
        while b"\r\n\r\n" not in self._read:
            assert self.read()
        assert self._read.startswith(b"HTTP/1.1 101 ")
        del self._read[: self._read.index(b"\r\n\r\n") + 4]
        response_types: list[int] = []
        while response_types != [1, 5]:
            response_types += (
                json.loads(payload)["type"] for _, payload in self.frames() if b'"event"' not in payload
            )
            assert response_types == [1, 5] or self.read()


class Crowd:
    """*count* members that read, and a publisher."""

    def __init__(self, port: int, count: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.members = [Member(port, f"member {number}") for number in range(count)]
        self.publisher = Member(port, "publisher")
        self.responses: list[dict[str, Any]] = []
        self.latencies: list[float] = []
        self._epoll = select.epoll()
        self._reading: dict[int, Member] = {}
        for member in (*self.members, self.publisher):
            member.wait_inside()
            member.sock.setblocking(False)
            self._reading[member.sock.fileno()] = member
            self._epoll.register(member.sock, select.EPOLLIN)
        self.publisher.sock.setblocking(True)

    def publish(self, content_bytes: int) -> None:
        """Publish the time to the room, padded to *content_bytes*."""
        content = f"{time.perf_counter():.6f} ".ljust(content_bytes, "x")
        self.publisher.send_json({"type": 7, "room": ROOM, "content": content})

    def listen_until(self, instant: float) -> None:
        """Record the frames until *instant*, and at least those received already."""
        while True:
            left = instant - time.perf_counter()
            for fd, _ in self._epoll.poll(max(left, 0)):
                self._receive(self._reading[fd])
            if left <= 0:
                return

    def listen_for(self, count: int) -> None:
        """Record frames until there are *count* latencies."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while len(self.latencies) < count:
            assert time.perf_counter() < deadline, f"{len(self.latencies)} of {count} deliveries"
            self.listen_until(time.perf_counter() + 0.01)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request as the publisher; return the response."""
        count = len(self.responses)
        self.publisher.send_json(request)
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while len(self.responses) == count:
            assert time.perf_counter() < deadline
            self.listen_until(time.perf_counter() + 0.01)
        return self.responses[-1]

    def close(self) -> None:
        self._epoll.close()
        for member in (*self.members, self.publisher):
            member.sock.close()

    def _receive(self, member: Member) -> None:
        assert member.read(), f"{member.name} has been disconnected"
        now = time.perf_counter()
        for opcode, payload in member.frames():
            assert opcode == TEXT, (member.name, opcode, payload)
            if member is not self.publisher:
                start = payload.find(b'"content":"')
                if start >= 0:
                    self.latencies.append(now - float(payload[start + 11 : payload.index(b" ", start)]))
            elif b'"event"' not in payload and b'"sender"' not in payload:
                self.responses.append(json.loads(payload))
