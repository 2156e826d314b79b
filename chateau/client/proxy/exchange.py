"""Plain HTTP, read along: whole requests and answers out of the bytes that pass.

h11 reads them. What it cannot read passes all the same; it is only not told any more.
"""

from collections.abc import Callable

import h11

from chateau.client.proxy.account import Tell, opening_payload
from chateau.client.proxy.frame import Frame
from chateau.client.proxy.framing import LONGEST_FRAME
from chateau.client.transcript import Direction, Opcode
from chateau.client.transports.event_stream import TYPE as EVENT_STREAM
from chateau.client.transports.event_stream import Events

OK = 200

_OPCODES = {Direction.SENT: Opcode.REQUEST, Direction.RECEIVED: Opcode.RESPONSE}


class HttpAccount:
    """The account of a connection on which HTTP is spoken: each end is read by the role that faces it."""

    def __init__(self, tell: Tell, give_up: Callable[[str], None], url: str) -> None:
        self._tell = tell
        self._url = url
        self._waits_for_stream = False
        self._give_up = give_up
        self._readers = {
            Direction.SENT: h11.Connection(h11.SERVER),
            Direction.RECEIVED: h11.Connection(h11.CLIENT),
        }
        self._messages = {direction: _Message() for direction in Direction}
        self._has_given_up = False

    def saw(self, direction: Direction, frame: Frame) -> None:
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
            self._begin_anew()
        except (h11.ProtocolError, RuntimeError) as exc:
            self._has_given_up = True
            self._give_up(f"this is no HTTP that can be read along ({exc})")

    def _begin_anew(self) -> None:
        """Once both are done, the next request may be read, which may have come already."""
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
            other.send(event)  # so that it knows what it is to read next
            self._add(direction, event)

    def _add(self, direction: Direction, event: h11.Event) -> None:
        message = self._messages[direction]
        match event:
            case h11.Request() | h11.Response():
                message.begin(event)
                self._tell_what_waits(message)
            case h11.Data() if message.is_stream:
                for lines in message.events_in(bytes(event.data)):
                    self._tell(direction, Opcode.EVENT, lines)
            case h11.Data():
                message.add(bytes(event.data))
            case h11.EndOfMessage() if not message.is_stream:
                message.end()
                self._waits_for_stream = message.wants_stream
                if not self._waits_for_stream:
                    self._tell(direction, _OPCODES[direction], message.content)

    def _tell_what_waits(self, answer: "_Message") -> None:
        """A request for a stream of events is told once it is known whether it opened one."""
        if self._waits_for_stream:
            self._waits_for_stream = False
            request = self._messages[Direction.SENT]
            if answer.is_stream:
                self._tell(Direction.SENT, Opcode.OPEN, opening_payload("http", self._url + request.target))
            else:
                self._tell(Direction.SENT, Opcode.REQUEST, request.content)


_OTHER = {Direction.SENT: Direction.RECEIVED, Direction.RECEIVED: Direction.SENT}
_BOTH_DONE = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


class _Message:
    """A request or an answer, as far as it has come. Of a body, no more is kept than a frame may have.

    A request stays one that can be sent again, in chunks where it came in such; an answer loses its chunks.
    """

    def __init__(self) -> None:
        self.is_stream = False
        self.wants_stream = False
        self.target = ""
        self._is_chunked = False
        self._content = bytearray()
        self._events = Events()

    @property
    def content(self) -> bytes:
        return bytes(self._content)

    def begin(self, event: h11.Request | h11.Response) -> None:
        self._content[:] = _head(event)
        self._events = Events()
        if isinstance(event, h11.Request):
            self.target = event.target.decode("ascii", "backslashreplace")
            self.wants_stream = event.method == b"GET" and _has(event, b"accept", EVENT_STREAM)
            self._is_chunked = _has(event, b"transfer-encoding", "")
        else:
            self.is_stream = event.status_code == OK and _has(event, b"content-type", EVENT_STREAM)

    def add(self, content: bytes) -> None:
        if self._is_chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        self._content += content[: max(0, LONGEST_FRAME - len(self._content))]

    def end(self) -> None:
        if self._is_chunked:
            self._content += b"0\r\n\r\n"

    def events_in(self, content: bytes) -> list[bytes]:
        """The server-sent events that *content* completes, each as its lines."""
        return self._events.feed(content)


def _has(event: h11.Request | h11.Response, header: bytes, word: str) -> bool:
    return any(name == header and word.encode() in value.lower() for name, value in event.headers)


def _head(event: h11.Request | h11.Response) -> bytes:
    if isinstance(event, h11.Request):
        first = b"%b %b HTTP/%b" % (event.method, event.target, event.http_version)
    else:
        first = b"HTTP/%b %d %b" % (event.http_version, event.status_code, event.reason)
    headers = [b"%b: %b" % one for one in event.headers.raw_items()]
    return b"\r\n".join([first, *headers, b"", b""])
