"""The conversation that every server must pass before it is measured, so that all do the same job."""

import json
from typing import Any

from servers import BenchmarkError
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

TIMEOUT_SECONDS = 10
Frame = dict[str, Any]


def agree(port: int) -> None:
    """Play the conversation with the server on *port*.

    Raises:
        BenchmarkError: a frame is missing, or differs from the expected one.
    """
    url = f"ws://127.0.0.1:{port}/ws"
    try:
        with connect(url, compression=None) as alice, connect(url, compression=None) as bob:
            _converse(alice, bob)
    except (OSError, ValueError, KeyError, WebSocketException) as exc:
        raise BenchmarkError(f"the conversation broke off: {exc!r}") from exc


def _converse(alice: ClientConnection, bob: ClientConnection) -> None:
    for client, name in ((alice, "alice"), (bob, "bob")):
        _send(client, type=1, username=name)
        _expect(_receive(client), type=1, status=200)
    for client in (alice, bob):
        _send(client, type=5, room="agreement")
        joined = _receive(client)
        _expect({**joined, "members": []}, type=5, status=200, room="agreement", members=[])

    _send(alice, type=7, room="agreement", content="to the room")
    pushed = _receive(bob)
    expected = {"type": 7, "status": 200, "room": "agreement", **_assigned(pushed, "seq", "id", "time")}
    _expect(pushed, **expected, sender="alice", content="to the room")
    _expect_both(alice, expected, pushed)

    _send(alice, type=3, clients=["alice", "bob"], content="to both")
    pushed = _receive(bob)
    expected = {"type": 3, "status": 200, **_assigned(pushed, "id", "time")}
    recipients = sorted(pushed["clients"])
    _expect(
        pushed | {"clients": recipients},
        **expected,
        sender="alice",
        clients=["alice", "bob"],
        content="to both",
    )
    _expect_both(alice, expected, pushed)


def _assigned(frame: Frame, *keys: str) -> Frame:
    """Return the values that the server assigns; ids and times must have equal lengths, so that frames do."""
    assigned = {key: frame[key] for key in keys}
    if len(assigned["id"]) != 26 or len(assigned["time"]) != len("2026-11-20T09:30:00.000Z"):
        raise BenchmarkError(f"id or time has another length: {assigned}")
    return assigned


def _expect(frame: Frame, **expected: object) -> None:
    if frame != expected:
        raise BenchmarkError(f"expected {expected}, got {frame}")


def _expect_both(client: ClientConnection, response: Frame, push: Frame) -> None:
    """Check that a sender that is a recipient gets the push and the response, in either order."""
    received = [_receive(client), _receive(client)]
    if response not in received or push not in received:
        raise BenchmarkError(f"expected {response} and {push}, got {received}")


def _send(client: ClientConnection, **request: object) -> None:
    client.send(json.dumps(request))


def _receive(client: ClientConnection) -> Frame:
    """Return the next frame, except for presence, which the peers do not announce."""
    while True:
        text = client.recv(TIMEOUT_SECONDS)
        if not isinstance(text, str):
            raise BenchmarkError("expected a text frame, got a binary one")
        frame: Frame = json.loads(text)
        if "event" not in frame:
            return frame
