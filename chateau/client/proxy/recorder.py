"""Recorder: the frames that pass a connection, shown and recorded.

It observes only; it never changes what passes. A recording has the client's view: the frames that it sent,
whether or not they were passed on, and the frames that it received, after all faults.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chateau.client.protocols import protocol_at
from chateau.client.proxy.codec import MAX_FRAME_BYTES, Frame, Kind, WireProtocol
from chateau.client.transcript import ABORTED, Direction, Entry, OnEntry, Opcode
from chateau.client.transports.target import Target, open_payload

Emit = Callable[[Direction, Opcode, bytes], None]
"""Called with each entry of the recording."""

OPCODES = {Kind.BYTES: Opcode.RAW} | {
    kind: Opcode(kind) for kind in Kind if kind not in {Kind.BYTES, Kind.CONTINUATION}
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One line of the output: a frame, or the opening or the end of a connection."""

    at: float  # seconds of Unix time
    connection: int
    direction: Direction
    opcode: str
    payload: bytes
    faults: tuple[str, ...] = ()


class Display(Protocol):
    """Shows observations and errors."""

    def show(self, observation: Observation) -> None: ...

    def error(self, sentence: str) -> None: ...


class Recorder(Protocol):
    """Makes entries of the frames of one connection."""

    def record(self, direction: Direction, frame: Frame) -> None: ...

    def ended(self, direction: Direction) -> None:
        """Record the end of a direction."""

    def aborted(self) -> None:
        """Record that the client reset the connection."""


@dataclass
class Observer:
    """Shows and records one connection."""

    connection: int
    display: Display
    record: OnEntry | None
    _protocol: WireProtocol = field(default=WireProtocol.BYTES, init=False)
    _recorder: Recorder | None = field(default=None, init=False)

    def opened(self, protocol: WireProtocol, url: str, path: str = "") -> None:
        """Report the protocol of the connection, and its *url* and *path*."""
        self._protocol = protocol
        self._show(Direction.SENT, "open", f"{url}{path}".encode())
        match protocol:
            case WireProtocol.HTTP:
                from chateau.client.proxy.http_recorder import HttpRecorder

                self._recorder = HttpRecorder(self._emit, self.error, url)
            case WireProtocol.WEBSOCKET | WireProtocol.LINES:
                self._recorder = FrameRecorder(self._emit)
                target = Target(protocol_at(f"{url}{path}"), f"{url}{path}")
                self._emit(Direction.SENT, Opcode.OPEN, open_payload(target))

    def read(self, direction: Direction, frame: Frame) -> None:
        """Report a frame that was read: a frame of the client counts as sent even if it is dropped."""
        if direction is Direction.SENT and self._recorder:
            self._recorder.record(direction, frame)

    def passed(
        self, direction: Direction, frame: Frame, copies: int = 1, faults: tuple[str, ...] = ()
    ) -> None:
        """Report a frame that was written *copies* times, possibly 0."""
        if self._protocol is not WireProtocol.HTTP or faults:  # of HTTP, whole messages are shown
            self._show(direction, frame.kind, frame.payload, faults)
        if direction is Direction.RECEIVED and self._recorder:
            for _ in range(copies):
                self._recorder.record(direction, frame)

    def not_passed(self, direction: Direction, frame: Frame) -> None:
        """Report a frame that was read after the direction had ended."""
        self._show(direction, frame.kind, frame.payload, ("not passed on",))

    def read_ended(self, direction: Direction, *, by_reset: bool = False) -> None:
        """Report that one side closed its sending side, or reset the connection."""
        if direction is Direction.SENT and self._recorder:
            if by_reset:
                self._recorder.aborted()
            else:
                self._recorder.ended(direction)

    def write_ended(self, direction: Direction, word: str = "end", faults: tuple[str, ...] = ()) -> None:
        """Report that the end was passed on; *word* names how."""
        self._show(direction, word, b"", faults)
        if direction is Direction.RECEIVED and self._recorder:
            self._recorder.ended(direction)

    def error(self, sentence: str) -> None:
        self.display.error(f"#{self.connection}: {sentence}")

    def _emit(self, direction: Direction, opcode: Opcode, payload: bytes) -> None:
        if self.record:
            self.record(Entry(time.time(), f"c{self.connection}", direction, opcode, payload))
        if self._protocol is WireProtocol.HTTP:
            self._show(direction, opcode, payload)

    def _show(self, direction: Direction, opcode: str, payload: bytes, faults: tuple[str, ...] = ()) -> None:
        self.display.show(Observation(time.time(), self.connection, direction, str(opcode), payload, faults))


class FrameRecorder:
    """Records a WebSocket or lines; the fragments of a message become one entry."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._messages = {direction: _Message() for direction in Direction}
        self._closed: set[Direction] = set()

    def record(self, direction: Direction, frame: Frame) -> None:
        if frame.kind is Kind.CLOSE:
            self._close(direction, frame.payload)
        elif frame.is_control or frame.kind in {Kind.LINE, Kind.BYTES}:
            self._emit(direction, OPCODES[frame.kind], frame.payload)
        elif whole := self._messages[direction].add(frame):
            self._emit(direction, *whole)

    def ended(self, direction: Direction) -> None:
        self._close(direction, b"")

    def aborted(self) -> None:
        """Record an abort; as in the test client's own recordings, it is the last entry."""
        self._close(Direction.SENT, ABORTED)
        self._closed.update(Direction)

    def _close(self, direction: Direction, payload: bytes) -> None:
        """Record a close frame, or the end without one; only the first one counts."""
        if direction not in self._closed:
            self._closed.add(direction)
            self._emit(direction, Opcode.CLOSE, payload)


class _Message:
    """A message in fragments; one longer than :data:`MAX_FRAME_BYTES` is left out."""

    def __init__(self) -> None:
        self._opcode = Opcode.TEXT
        self._payload = bytearray()
        self._is_too_long = False

    def add(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        """Add a fragment; return the message if it is complete."""
        if frame.kind is not Kind.CONTINUATION:
            self._opcode, self._is_too_long = OPCODES[frame.kind], False
            self._payload.clear()
        self._is_too_long |= len(self._payload) + len(frame.payload) > MAX_FRAME_BYTES
        if not self._is_too_long:
            self._payload += frame.payload
        return (self._opcode, bytes(self._payload)) if frame.is_final and not self._is_too_long else None
