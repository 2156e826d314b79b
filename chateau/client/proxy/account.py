"""Accounts: what a connection's client sent and got, as entries of a transcript.

A recording tells the client's view: what it sent, whether or not that was passed on, and what it got, after
all faults. Plain HTTP is told by :mod:`chateau.client.proxy.exchange`.
"""

import json
import re
from collections.abc import Callable
from typing import Protocol

from chateau.client.addresses import PATHS
from chateau.client.proxy.frame import Frame, Kind
from chateau.client.proxy.framing import LONGEST_FRAME
from chateau.client.transcript import ABORTED, Direction, Opcode

CHANNELS = re.compile(r"(?:^|/)channel/[^/?]+/?(?:\?|$)")

Tell = Callable[[Direction, Opcode, bytes], None]

_OPCODES = {
    Kind.TEXT: Opcode.TEXT,
    Kind.BINARY: Opcode.BINARY,
    Kind.PING: Opcode.PING,
    Kind.PONG: Opcode.PONG,
    Kind.CLOSE: Opcode.CLOSE,
    Kind.LINE: Opcode.LINE,
    Kind.BYTES: Opcode.RAW,
}


def protocol_at(path: str) -> str:
    """Which of the protocols is spoken at *path*, by their own paths; a prefix may stand before these."""
    path = path.partition("?")[0].rstrip("/")
    if CHANNELS.search(path):
        return "channels"
    found = (protocol for protocol, own in PATHS.items() if path.endswith(own))
    return next(found, "chateau" if path else "functions")


def opening_payload(protocol: str, url: str) -> bytes:
    """What a recording says of an open connection, so that it can be opened again."""
    return json.dumps({"protocol": protocol, "url": url}, ensure_ascii=False).encode()


class Account(Protocol):
    """What becomes entries, of whatever is spoken."""

    def saw(self, direction: Direction, frame: Frame) -> None: ...

    def ended(self, direction: Direction) -> None:
        """There is no more that way."""

    def aborted(self) -> None:
        """The client reset the connection."""


class FrameAccount:
    """The account of a WebSocket, of lines: fragments are put together to the message that they are of."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._messages = {direction: _Message() for direction in Direction}
        self._closed: set[Direction] = set()

    def saw(self, direction: Direction, frame: Frame) -> None:
        if frame.kind is Kind.CLOSE:
            self._close(direction, frame.payload)
        elif frame.is_control or frame.kind in {Kind.LINE, Kind.BYTES}:
            self._tell(direction, _OPCODES[frame.kind], frame.payload)
        elif whole := self._messages[direction].with_fragment(frame):
            self._tell(direction, *whole)

    def ended(self, direction: Direction) -> None:
        self._close(direction, b"")

    def aborted(self) -> None:
        """As the wires of the test client tell it: after an abort, nothing is told any more."""
        self._close(Direction.SENT, ABORTED)
        self._closed.update(Direction)

    def _close(self, direction: Direction, payload: bytes) -> None:
        """A close frame, or the end without one; what comes behind a close frame is no news."""
        if direction not in self._closed:
            self._closed.add(direction)
            self._tell(direction, Opcode.CLOSE, payload)


class _Message:
    """A message that comes in fragments; one that is longer than a frame may be is left out."""

    def __init__(self) -> None:
        self._opcode = Opcode.TEXT
        self._payload = bytearray()
        self._is_too_long = False

    def with_fragment(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        if frame.kind is not Kind.CONTINUATION:
            self._opcode, self._is_too_long = _OPCODES[frame.kind], False
            self._payload.clear()
        self._is_too_long |= len(self._payload) + len(frame.payload) > LONGEST_FRAME
        if not self._is_too_long:
            self._payload += frame.payload
        return (self._opcode, bytes(self._payload)) if frame.is_final and not self._is_too_long else None
