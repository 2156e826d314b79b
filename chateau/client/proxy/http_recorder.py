"""HTTP recorder: whole requests and responses, read by h11 from the bytes that pass.

Bytes that h11 cannot read pass all the same; they are not recorded.
"""

from collections.abc import Callable

import h11

from chateau.client.proxy.codec import MAX_FRAME_BYTES, Frame
from chateau.client.proxy.recorder import Emit
from chateau.client.transcript import Direction, Opcode
from chateau.client.transports.framing import EVENT_STREAM_TYPE, EventParser
from chateau.client.transports.http_response import format_head
from chateau.client.transports.target import Target, open_payload

OK = 200

_OPCODES = {Direction.SENT: Opcode.REQUEST, Direction.RECEIVED: Opcode.RESPONSE}
_OTHER = {Direction.SENT: Direction.RECEIVED, Direction.RECEIVED: Direction.SENT}
_BOTH_DONE = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


class HttpRecorder:
    """Records a connection that uses HTTP: h11 reads each direction in the role of its receiver."""

    def __init__(self, emit: Emit, give_up: Callable[[str], None], url: str) -> None:
        self._emit = emit
        self._url = url
        self._is_stream_requested = False
        self._give_up = give_up
        self._readers = {
            Direction.SENT: h11.Connection(h11.SERVER),
            Direction.RECEIVED: h11.Connection(h11.CLIENT),
        }
        self._messages = {direction: _Message() for direction in Direction}
        self._has_given_up = False

    def record(self, direction: Direction, frame: Frame) -> None:
        self._feed(direction, frame.raw)

    def ended(self, direction: Direction) -> None:
        self._feed(direction, b"")

    def aborted(self) -> None:
        self.ended(Direction.SENT)

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

    def _emit_held_request(self, response: "_Message") -> None:
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


class _Message:
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
            self.is_stream = event.status_code == OK and _has(event, b"content-type", EVENT_STREAM_TYPE)

    def add(self, content: bytes) -> None:
        if self._is_chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        self.content += content[: max(0, MAX_FRAME_BYTES - len(self.content))]

    def end(self) -> None:
        if self._is_chunked:
            self.content += b"0\r\n\r\n"


def _has(event: h11.Request | h11.Response, header: bytes, word: str) -> bool:
    return any(name == header and word.encode() in value.lower() for name, value in event.headers)
