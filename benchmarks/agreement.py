"""The conversation that every server must hold before it is measured: all do the same job.

The WebSocket client here is just large enough for it: text frames up to 64 KiB, no fragments.
"""

import json
import socket
import struct
from typing import Any, Self

TIMEOUT_SECONDS = 10
Frame = dict[str, Any]


class DisagreementError(Exception):
    """A server says something else than the others."""


def agree(port: int) -> None:
    """Hold the conversation with the server on *port*.

    Raises:
        DisagreementError: a frame is missing, or is not what it should be.
    """
    with Client(port) as alice, Client(port) as bob:
        try:
            _converse(alice, bob)
        except (OSError, ValueError, KeyError) as exc:
            raise DisagreementError(f"the conversation broke off: {exc!r}") from exc


def _converse(alice: "Client", bob: "Client") -> None:
    for client, name in ((alice, "alice"), (bob, "bob")):
        client.say(type=1, username=name)
        _expect(client.hear(), type=1, status=200)
    for client in (alice, bob):
        client.say(type=5, room="agreement")
        joined = client.hear()
        _expect({**joined, "members": []}, type=5, status=200, room="agreement", members=[])

    alice.say(type=7, room="agreement", content="to the room")
    pushed = bob.hear()
    said = {"type": 7, "status": 200, "room": "agreement", **_marks(pushed, "seq", "id", "time")}
    _expect(pushed, **said, sender="alice", content="to the room")
    _expect_both(alice, said, pushed)

    alice.say(type=3, clients=["alice", "bob"], content="to both")
    pushed = bob.hear()
    said = {"type": 3, "status": 200, **_marks(pushed, "id", "time")}
    _expect(
        {**pushed, "clients": sorted(pushed["clients"])},
        **said,
        sender="alice",
        clients=["alice", "bob"],
        content="to both",
    )
    _expect_both(alice, said, pushed)


def _marks(frame: Frame, *keys: str) -> Frame:
    """What the server gives a message; an id and a time of other lengths would make other frames."""
    marks = {key: frame[key] for key in keys}
    if len(marks["id"]) != 26 or len(marks["time"]) != len("2026-11-20T09:30:00.000Z"):
        raise DisagreementError(f"id or time has another length: {marks}")
    return marks


def _expect(frame: Frame, **expected: object) -> None:
    if frame != expected:
        raise DisagreementError(f"expected {expected}, got {frame}")


def _expect_both(client: "Client", answer: Frame, push: Frame) -> None:
    """A sender that is among the receivers gets the push and the answer, in either order."""
    heard = [client.hear(), client.hear()]
    if answer not in heard or push not in heard:
        raise DisagreementError(f"expected {answer} and {push}, got {heard}")


class Client:
    """A WebSocket connection that speaks JSON."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = list(iter(self._stream.readline, b"\r\n"))
        if not head or not head[0].startswith(b"HTTP/1.1 101"):
            raise DisagreementError(f"no WebSocket at /ws: {head[:1]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def say(self, **request: object) -> None:
        payload = json.dumps(request).encode()
        # A mask of zeros is a mask too, and leaves the payload as it is.
        self._socket.sendall(struct.pack("!BBI", 0x81, 0x80 | len(payload), 0) + payload)

    def hear(self) -> Frame:
        """The next frame, presence left out: the peers announce none."""
        while True:
            first, length = struct.unpack("!BB", self._read(2))
            if length == 126:
                (length,) = struct.unpack("!H", self._read(2))
            payload = self._read(length)
            if first != 0x81:
                raise DisagreementError(f"expected a text frame, got one that starts with {first:#x}")
            frame: Frame = json.loads(payload)
            if "event" not in frame:
                return frame

    def _read(self, count: int) -> bytes:
        got = self._stream.read(count)
        if len(got) < count:
            raise DisagreementError("the server closed the connection")
        return got
