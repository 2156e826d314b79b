"""Recorder: the frames that pass a connection, shown and recorded.

It observes only; it never changes what passes. A recording has the client's view: the frames that it sent,
whether or not they were passed on, and the frames that it received, after all faults.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import h11

from chateau.client.protocols import protocol_at
from chateau.client.proxy.codec import MAX_FRAME_BYTES, Frame, Kind, WireProtocol
from chateau.client.proxy.display import Observation, QuietDisplay
from chateau.client.transcript import ABORTED, Direction, Entry, OnEntry, Opcode
from chateau.client.transports.framing import EVENT_STREAM_TYPE, EventParser
from chateau.client.transports.http import format_head
from chateau.client.transports.target import Target, open_payload

Emit = Callable[[Direction, Opcode, bytes], None]
"""Called with each entry of the recording."""

_OPCODES = {Direction.SENT: Opcode.REQUEST, Direction.RECEIVED: Opcode.RESPONSE}
_RECEIVERS = {Direction.SENT: h11.SERVER, Direction.RECEIVED: h11.CLIENT}
_OTHER = {Direction.SENT: Direction.RECEIVED, Direction.RECEIVED: Direction.SENT}
_BOTH_DONE = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


class FrameRecorder:
    """Records a WebSocket or lines; the fragments of a message become one entry."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._messages = {direction: _FragmentedMessage() for direction in Direction}
        self._closed: set[Direction] = set()

    def record(self, direction: Direction, frame: Frame) -> None:
        if frame.kind is Kind.CLOSE:
            self._close(direction, frame.payload)
        elif frame.kind is Kind.BYTES:
            self._emit(direction, Opcode.RAW, frame.payload)
        elif frame.is_control or frame.kind is Kind.LINE:
            self._emit(direction, Opcode(frame.kind), frame.payload)
        elif whole := self._messages[direction].add(frame):
            self._emit(direction, *whole)

    def ended(self, direction: Direction, *, by_reset: bool = False) -> None:
        """Record the end; as in the test client's own recordings, a reset is the last entry."""
        self._close(direction, ABORTED if by_reset else b"")
        if by_reset:
            self._closed.update(Direction)

    def _close(self, direction: Direction, payload: bytes) -> None:
        """Record a close frame, or the end without one; only the first one counts."""
        if direction not in self._closed:
            self._closed.add(direction)
            self._emit(direction, Opcode.CLOSE, payload)


class _FragmentedMessage:
    """A message in fragments; one longer than :data:`MAX_FRAME_BYTES` is left out."""

    def __init__(self) -> None:
        self._opcode = Opcode.TEXT
        self._payload = bytearray()
        self._is_too_long = False

    def add(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        """Add a fragment; return the message if it is complete."""
        if frame.kind is not Kind.CONTINUATION:
            self._opcode, self._is_too_long = Opcode(frame.kind), False
            self._payload.clear()
        self._is_too_long |= len(self._payload) + len(frame.payload) > MAX_FRAME_BYTES
        if not self._is_too_long:
            self._payload += frame.payload
        return (self._opcode, bytes(self._payload)) if frame.is_final and not self._is_too_long else None


class HttpRecorder:
    """Records a connection that uses HTTP: h11 reads each direction in the role of its receiver.

    Bytes that h11 cannot read pass all the same; they are not recorded.
    """

    def __init__(self, emit: Emit, give_up: Callable[[str], None], url: str) -> None:
        self._emit = emit
        self._url = url
        self._is_stream_requested = False
        self._give_up = give_up
        self._readers = {direction: h11.Connection(role) for direction, role in _RECEIVERS.items()}
        self._messages = {direction: _HttpMessage() for direction in Direction}
        self._has_given_up = False

    def record(self, direction: Direction, frame: Frame) -> None:
        self._feed(direction, frame.raw)

    def ended(self, direction: Direction, *, by_reset: bool = False) -> None:
        self._feed(direction, b"")

    def _feed(self, direction: Direction, content: bytes) -> None:
        if self._has_given_up:
            return
        try:
            self._readers[direction].receive_data(content)
            self._read(direction)
            self._start_next_cycle()
        except (h11.ProtocolError, RuntimeError) as exc:
            self._has_given_up = True
            self._give_up(f"cannot parse this as HTTP ({exc})")

    def _start_next_cycle(self) -> None:
        """Read the next request, which may have arrived already, once both directions are done."""
        while all(reader.states == _BOTH_DONE for reader in self._readers.values()):
            for reader in self._readers.values():
                reader.start_next_cycle()
            self._read(Direction.SENT)

    def _read(self, direction: Direction) -> None:
        reader, other = self._readers[direction], self._readers[_OTHER[direction]]
        while True:
            event = reader.next_event()
            if isinstance(event, type | h11.ConnectionClosed):  # NEED_DATA and PAUSED are types
                return
            other.send(event)  # so that it knows what it reads next
            self._add(direction, event)

    def _add(self, direction: Direction, event: h11.Event) -> None:
        message = self._messages[direction]
        match event:
            case h11.Request() | h11.Response():
                message.begin(event)
                self._emit_held_request(message)
            case h11.Data() if message.is_stream:
                for lines in message.events.feed(bytes(event.data)):
                    self._emit(direction, Opcode.EVENT, lines)
            case h11.Data():
                message.add(bytes(event.data))
            case h11.EndOfMessage() if not message.is_stream:
                message.end()
                self._is_stream_requested = message.requests_stream
                if not self._is_stream_requested:
                    self._emit(direction, _OPCODES[direction], bytes(message.content))

    def _emit_held_request(self, response: "_HttpMessage") -> None:
        """Record a request for an event stream: as an opening if the response is one, else as a request."""
        if self._is_stream_requested:
            self._is_stream_requested = False
            request = self._messages[Direction.SENT]
            if response.is_stream:
                self._emit(
                    Direction.SENT, Opcode.OPEN, open_payload(Target("http", self._url + request.target))
                )
            else:
                self._emit(Direction.SENT, Opcode.REQUEST, bytes(request.content))


class _HttpMessage:
    """A request or a response, as far as it has arrived, at most :data:`MAX_FRAME_BYTES` of its body.

    A request can be sent again, in chunks if it arrived in chunks; a response loses its chunks.
    """

    def __init__(self) -> None:
        self.is_stream = False
        self.requests_stream = False
        self.target = ""
        self.content = bytearray()
        self.events = EventParser()
        self._is_chunked = False

    def begin(self, event: h11.Request | h11.Response) -> None:
        self.content[:] = format_head(event)
        self.events = EventParser()
        if isinstance(event, h11.Request):
            self.target = event.target.decode("ascii", "backslashreplace")
            self.requests_stream = event.method == b"GET" and _has(event, b"accept", EVENT_STREAM_TYPE)
            self._is_chunked = _has(event, b"transfer-encoding", "")
        else:
            self.is_stream = event.status_code == 200 and _has(event, b"content-type", EVENT_STREAM_TYPE)

    def add(self, content: bytes) -> None:
        if self._is_chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        self.content += content[: max(0, MAX_FRAME_BYTES - len(self.content))]

    def end(self) -> None:
        if self._is_chunked:
            self.content += b"0\r\n\r\n"


def _has(event: h11.Request | h11.Response, header: bytes, word: str) -> bool:
    return any(name == header and word.encode() in value.lower() for name, value in event.headers)


@dataclass
class Observer:
    """Shows and records one connection."""

    connection: int
    display: QuietDisplay
    record: OnEntry | None
    _protocol: WireProtocol = field(default=WireProtocol.BYTES, init=False)
    _recorder: FrameRecorder | HttpRecorder | None = field(default=None, init=False)

    def opened(self, protocol: WireProtocol, url: str, path: str = "") -> None:
        """Report the protocol of the connection, and its *url* and *path*."""
        self._protocol = protocol
        self._show(Direction.SENT, "open", f"{url}{path}".encode())
        match protocol:
            case WireProtocol.HTTP:
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

    def read_ended(self, direction: Direction, *, by_reset: bool = False) -> None:
        """Report that one side closed its sending side, or reset the connection."""
        if direction is Direction.SENT and self._recorder:
            self._recorder.ended(direction, by_reset=by_reset)

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
