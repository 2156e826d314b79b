"""HTTP: a request on a connection of its own and its response, and the framing of event streams.

Requests are sent as they are given, valid or not; h11 reads the responses.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

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
from chateau.client.transports.target import (
    Address,
    CannotConnect,
    NotPossible,
    Refused,
    RequestFailed,
    Target,
    address_of,
    closed_early,
    connect,
    excerpt,
    rejected,
    rejected_by,
)

READ_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 2**20
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})  # these send a length even if it is 0
WITHOUT_BODY = frozenset({b"HEAD", b"CONNECT"})  # the responses to these have no body

Headers = tuple[tuple[str, str], ...]
Head = h11.Response | h11.InformationalResponse


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; the names of the headers are in the case in which they were received."""

    status: int
    headers: Headers
    body: bytes


async def request(
    client: str,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    on_entry: OnEntry,
    timeout_seconds: float,
    local_address: str | None = None,
) -> Response:
    """Send a request and return its response; send the length of *body* unless *headers* have it.

    The entry of the response has its head, and its body without chunks.

    Raises:
        CannotConnect: no server listens there.
        RequestFailed: there was no whole response within *timeout_seconds*, or it is not HTTP.
    """
    if "connection" not in {name.lower() for name, _ in headers}:
        headers = (*headers, ("Connection", "close"))
    data = format_request(method, address_of(url), headers, body)
    return await send_request(client, data, url, on_entry, timeout_seconds, local_address)


async def send_request(
    client: str,
    data: bytes,
    url: str,
    on_entry: OnEntry,
    timeout_seconds: float,
    local_address: str | None = None,
) -> Response:
    """Send *data*, a formatted request, to the server of *url*, as :func:`request` does."""
    method = data.partition(b" ")[0].decode("latin-1")
    writer = None
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await connect(asyncio.open_connection, address_of(url), local_address)
            on_entry(Entry(time.time(), client, Direction.SENT, Opcode.REQUEST, data))
            writer.write(data)
            head, body = await _read_response(reader, _protocol(data))
    except TimeoutError as exc:
        if writer is None:
            raise CannotConnect(url, f"there is no connection (waited {timeout_seconds:g} s)") from exc
        raise RequestFailed(f"no whole response to {method} {url} within {timeout_seconds:g} s") from exc
    except Refused as exc:
        if writer is None:
            raise CannotConnect(url, exc.reason) from exc
        raise RequestFailed(f"no response to {method} {url}: {exc.reason}") from exc
    finally:
        if writer is not None:
            writer.transport.abort()
    on_entry(Entry(time.time(), client, Direction.RECEIVED, Opcode.RESPONSE, format_head(head) + body))
    return Response(head.status_code, _decoded(head.headers.raw_items()), body)


async def _read_response(reader: asyncio.StreamReader, protocol: h11.Connection) -> tuple[Head, bytes]:
    """Return the head and the body of the response that *protocol* expects.

    Raises:
        Refused: the server closed before the whole response, or the response is not HTTP.
    """
    head: Head | None = None
    body, received = bytearray(), b""
    try:
        # PAUSED comes after a response that switches protocols.
        while not isinstance(event := protocol.next_event(), h11.EndOfMessage) and event is not h11.PAUSED:
            match event:
                case h11.NEED_DATA:
                    try:
                        received = await reader.read(READ_BYTES)
                    except OSError:
                        received = b""  # a lost connection is an end
                    protocol.receive_data(received)
                case h11.Response() | h11.InformationalResponse():
                    head = event
                case h11.Data(data=piece):
                    body += piece
                    if len(body) > MAX_BODY_BYTES:
                        raise Refused("the response has more than 64 MiB")
    except h11.RemoteProtocolError as exc:
        if received:
            raise Refused(f"the server's response is not HTTP: {exc}") from exc
        raise Refused(closed_early(isinstance(head, h11.Response))) from exc
    assert head is not None
    return head, bytes(body)


def format_request(method: str, address: Address, headers: Headers, body: bytes) -> bytes:
    """Return a whole request: *headers*, with a Host and a length if they have none, and *body*."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {address.resource} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {address.authority}")
    lines += [f"{name}: {value}" for name, value in headers]
    if (body or method in WITH_BODY) and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    if body and ("transfer-encoding", "chunked") in {
        (name.lower(), value.lower()) for name, value in headers
    }:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = "\r\n".join([*lines, "", ""])
    try:
        return head.encode("latin-1") + body
    except UnicodeEncodeError:
        return head.encode() + body


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


def format_head(head: h11.Request | Head) -> bytes:
    """Return *head* as it was on the wire, with the names of its headers in their case."""
    if isinstance(head, h11.Request):
        first = b"%b %b HTTP/%b" % (head.method, head.target, head.http_version)
    else:
        first = b"HTTP/%b %d %b" % (head.http_version, head.status_code, head.reason)
    return b"\r\n".join([first.rstrip(), *(b"%b: %b" % one for one in head.headers.raw_items()), b"", b""])


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


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
        kind = dict(_decoded(response.headers)).get("content-type", "")
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
