"""HTTP responses, read by h11: the response to one request, and the endless one of an event stream."""

import asyncio
import time

import h11

from chateau.client.transcript import Direction, Entry, OnEntry, Opcode
from chateau.client.transports.framing import (
    EVENT_STREAM_TYPE,
    MAX_BYTES,
    EventParser,
    Framing,
    Step,
    received,
    utf8_error,
)
from chateau.client.transports.http_request import Response, format_request
from chateau.client.transports.target import (
    NotPossible,
    Refused,
    Target,
    address_of,
    closed_early,
    excerpt,
    rejected,
    rejected_by,
)

READ_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 2**20
WITHOUT_BODY = frozenset({b"HEAD", b"CONNECT"})  # the responses to these have no body
SWITCHING_PROTOCOLS = 101


async def exchange(
    client: str, data: bytes, on_entry: OnEntry, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Response:
    """Send *data*, a formatted request, and return the response to it.

    Raises:
        Refused: the server closed before the whole response, or the response is not HTTP.
    """
    on_entry(Entry(time.time(), client, Direction.SENT, Opcode.REQUEST, data))
    writer.write(data)
    protocol = _protocol(data)
    is_connect = data.startswith(b"CONNECT ")
    head: h11.Response | h11.InformationalResponse | None = None
    body = bytearray()
    received = b""
    try:
        while not isinstance(event := protocol.next_event(), h11.EndOfMessage):
            match event:
                case h11.NEED_DATA:
                    received = await _read(reader)
                    protocol.receive_data(received)
                case h11.InformationalResponse(status_code=code) if code == SWITCHING_PROTOCOLS:
                    head = event
                    break
                case h11.Response(status_code=code):
                    head = event
                    if is_connect and code < 300:
                        break
                case h11.Data(data=piece):
                    body += piece
                    if len(body) > MAX_BODY_BYTES:
                        raise Refused("the response has more than 64 MiB")
    except h11.RemoteProtocolError as exc:
        if received:
            raise Refused(f"the server's response is not HTTP: {exc}") from exc
        raise Refused(closed_early(head is not None)) from exc
    assert head is not None
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()
    )
    response = Response(head.status_code, headers, bytes(body))
    on_entry(
        Entry(time.time(), client, Direction.RECEIVED, Opcode.RESPONSE, format_head(head) + response.body)
    )
    return response


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return the next bytes; empty at the end, even if the connection is lost."""
    try:
        return await reader.read(READ_BYTES)
    except OSError:
        return b""


def _protocol(data: bytes) -> h11.Connection:
    """Return the reader of the response; it needs the method of the request, but not the faults in it."""
    reader = h11.Connection(h11.CLIENT)
    method = data.partition(b" ")[0]
    headers = [(b"Host", b"server")]
    if b"\r\nupgrade:" in data.partition(b"\r\n\r\n")[0].lower():
        headers.append((b"Upgrade", b"any"))
    known = method if method in WITHOUT_BODY else b"GET"
    reader.send(h11.Request(method=known, target="/", headers=headers))
    reader.send(h11.EndOfMessage())
    return reader


def format_head(head: h11.Request | h11.Response | h11.InformationalResponse) -> bytes:
    """Return *head* as it was on the wire, with the names of its headers in their case."""
    if isinstance(head, h11.Request):
        first = b"%b %b HTTP/%b" % (head.method, head.target, head.http_version)
    else:
        first = b"HTTP/%b %d %b" % (head.http_version, head.status_code, head.reason)
    return b"\r\n".join([first.rstrip(), *(b"%b: %b" % one for one in head.headers.raw_items()), b"", b""])


class EventStreamFraming(Framing):
    """An event stream, from the client's side. The client sends nothing but the request that opens it."""

    def __init__(self, target: Target) -> None:
        headers = target.headers
        if "accept" not in {name.lower() for name, _ in headers}:
            headers = (("Accept", EVENT_STREAM_TYPE), *headers)
        self._request = format_request("GET", address_of(target.url), headers, b"")
        self._protocol = _protocol(b"GET ")
        self._events = EventParser()
        self._is_closed = False  # by the client: from then on the server may end the stream anywhere
        self._has_ended = False
        self._rejection: int | None = None  # the status with which the server rejects the request
        self._body = b""  # of that response

    def opening(self) -> bytes:
        return self._request

    def feed(self, data: bytes) -> list[Step]:
        self._protocol.receive_data(data)
        return self._steps()

    def end(self) -> list[Step]:
        self._has_ended = True
        steps = self.feed(b"")
        self.is_over = True
        if self.protocol_error is None and self._events.rest and not self._is_closed:
            rest = excerpt(self._events.rest)
            self.protocol_error = f"the stream ended in the middle of an event: {rest}"
        return steps

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        raise NotPossible("an event stream accepts nothing from the client")

    def close(self, code: int | None, reason: str) -> None:
        self._is_closed = True

    def _steps(self) -> list[Step]:
        steps: list[Step] = []
        try:
            while not self.is_over:
                match self._protocol.next_event():
                    case h11.Response() as response:
                        self._begin(response)
                    case h11.Data(data=data) if self.is_ready:
                        self._take_data(bytes(data), steps)
                    case h11.Data(data=data):
                        self._body += bytes(data)
                    case h11.EndOfMessage() if self._rejection is not None:
                        raise rejected(self._rejection, self._body)
                    case h11.EndOfMessage():
                        self.is_over = True
                    case h11.NEED_DATA | h11.PAUSED | h11.ConnectionClosed():
                        break
        except h11.RemoteProtocolError as exc:
            if not self.is_ready:
                raise self._handshake_error(exc) from exc
            self.is_over = True
            if not self._is_closed:
                self.protocol_error = f"the server broke HTTP: {exc}"
        return steps

    def _handshake_error(self, error: h11.RemoteProtocolError) -> Refused:
        if found := rejected_by(self._received):
            return found
        if self._has_ended:
            return Refused(closed_early(bool(self._received)))
        return Refused(f"the server's response is not HTTP: {error}")

    def _begin(self, response: h11.Response) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        kind = headers.get("content-type", "")
        if response.status_code != 200:
            self._rejection = response.status_code
        elif kind.partition(";")[0].strip().lower() != EVENT_STREAM_TYPE:
            raise Refused(f"the server's response is {kind or 'of no type'}, not {EVENT_STREAM_TYPE}")
        else:
            self.is_ready, self._received = True, b""

    def _take_data(self, data: bytes, steps: list[Step]) -> None:
        for event in self._events.feed(data):
            if error := utf8_error(event, "an event"):
                self.fail(error)
                return
            steps.append(received(Opcode.EVENT, event))
        if self._events.buffered_bytes > MAX_BYTES:
            self.fail("the server sent an event of more than 16 MiB")
