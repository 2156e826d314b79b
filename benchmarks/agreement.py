"""The conversation that every server must pass before it is measured, so that all do the same job.

The WebSocket client here is just large enough for it: text frames up to 64 KiB, no fragments.
"""

import json
import socket
import struct
from typing import Any, Self

TIMEOUT_SECONDS = 10
Frame = dict[str, Any]


class DisagreementError(Exception):
    """A server sends other frames than the rest."""


def agree(port: int) -> None:
    """Play the conversation with the server on *port*.

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
    expected = {"type": 7, "status": 200, "room": "agreement", **_marks(pushed, "seq", "id", "time")}
    _expect(pushed, **expected, sender="alice", content="to the room")
    _expect_both(alice, expected, pushed)

    alice.say(type=3, clients=["alice", "bob"], content="to both")
    pushed = bob.hear()
    expected = {"type": 3, "status": 200, **_marks(pushed, "id", "time")}
    _expect(
        {**pushed, "clients": sorted(pushed["clients"])},
        **expected,
        sender="alice",
        clients=["alice", "bob"],
        content="to both",
    )
    _expect_both(alice, expected, pushed)


def _marks(frame: Frame, *keys: str) -> Frame:
    """Return the values that the server assigns; ids and times must have equal lengths, so that frames do."""
    marks = {key: frame[key] for key in keys}
    if len(marks["id"]) != 26 or len(marks["time"]) != len("2026-11-20T09:30:00.000Z"):
        raise DisagreementError(f"id or time has another length: {marks}")
    return marks


def _expect(frame: Frame, **expected: object) -> None:
    if frame != expected:
        raise DisagreementError(f"expected {expected}, got {frame}")


def _expect_both(client: "Client", response: Frame, push: Frame) -> None:
    """Check that a sender that is a recipient gets the push and the response, in either order."""
    received = [client.hear(), client.hear()]
    if response not in received or push not in received:
        raise DisagreementError(f"expected {response} and {push}, got {received}")


class Client:
    """A WebSocket connection with JSON frames."""

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
        # A mask of zeros is valid, and does not change the payload.
        self._socket.sendall(struct.pack("!BBI", 0x81, 0x80 | len(payload), 0) + payload)

    def hear(self) -> Frame:
        """Return the next frame, except for presence, which the peers do not announce."""
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
