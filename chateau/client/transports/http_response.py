"""HTTP responses, read by h11: the response to one request, and the endless one of an event stream."""

import asyncio
import time

import h11

from chateau.client.transcript import Direction, Entry, OnEntry, Opcode
from chateau.client.transports.framing import (
    EVENT_STREAM_TYPE,
    MAX_BYTES,
    EventParser,
    Step,
    received,
    utf8_error,
)
from chateau.client.transports.http_request import Headers, Response, format_request
from chateau.client.transports.stream import Stream
from chateau.client.transports.target import (
    Address,
    NotPossible,
    Refused,
    Target,
    address_of,
    closed_early,
    excerpt,
    rejected,
    rejected_by,
)

MAX_BODY_BYTES = 64 * 2**20
WITHOUT_BODY = frozenset({b"HEAD", b"CONNECT"})  # the responses to these have no body
SWITCHING_PROTOCOLS = 101


class Exchange:
    """One request and its response, as the owner of a stream."""

    def __init__(self, client: str, data: bytes, on_entry: OnEntry) -> None:
        self._client = client
        self._data = data
        self._on_entry = on_entry
        self._stream = Stream(self)
        self._responded: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._response: h11.Response | h11.InformationalResponse | None = None
        self._body = bytearray()
        self._protocol = _reader(data)
        self._is_connect = data.startswith(b"CONNECT ")

    @property
    def was_connected(self) -> bool:
        return self._stream.was_connected

    async def run(self, address: Address, local_address: str | None) -> Response:
        """Raises :class:`Refused`."""
        try:
            await self._stream.connect(address, local_address)
            return await self._responded
        finally:
            if not self._responded.cancel() and not self._responded.cancelled():
                self._responded.exception()  # mark an exception as retrieved
            self._stream.drop()

    def connected(self) -> None:
        self._on_entry(Entry(time.time(), self._client, Direction.SENT, Opcode.REQUEST, self._data))
        self._stream.write(self._data)

    def data_received(self, data: bytes) -> None:
        if not self._responded.done():
            self._read(data)

    def data_ended(self, error: Exception | None) -> None:
        if self._responded.done():
            return
        self._read(b"")
        if not self._responded.done():
            self._fail(closed_early(has_begun=True))

    def _read(self, data: bytes) -> None:
        try:
            self._protocol.receive_data(data)
            while not self._responded.done() and self._take(self._protocol.next_event()):
                continue
        except h11.RemoteProtocolError as exc:
            self._fail(_broken(exc, self._response is not None, bool(data)))

    def _take(self, event: object) -> bool:
        """Return whether there can be more."""
        match event:
            case h11.InformationalResponse(status_code=code):
                if code == SWITCHING_PROTOCOLS:
                    self._response = event
                    self._finish()
                return True
            case h11.Response(status_code=code):
                self._response = event
                if self._is_connect and code < 300:
                    self._finish()
                return True
            case h11.Data(data=data):
                self._body += data
                if len(self._body) > MAX_BODY_BYTES:
                    self._fail("the response has more than 64 MiB")
                return True
            case h11.EndOfMessage():
                self._finish()
        return False

    def _finish(self) -> None:
        assert self._response is not None
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._response.headers.raw_items()
        )
        response = Response(self._response.status_code, headers, bytes(self._body))
        payload = _head(self._response, headers) + response.body
        self._on_entry(Entry(time.time(), self._client, Direction.RECEIVED, Opcode.RESPONSE, payload))
        self._responded.set_result(response)

    def _fail(self, reason: str) -> None:
        if not self._responded.done():
            self._responded.set_exception(Refused(reason))


def _reader(data: bytes) -> h11.Connection:
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


def _head(response: h11.Response | h11.InformationalResponse, headers: Headers) -> bytes:
    version, reason = response.http_version.decode(), response.reason.decode("latin-1")
    lines = [f"HTTP/{version} {response.status_code} {reason}".rstrip()]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _broken(error: h11.RemoteProtocolError, has_begun: bool, has_more: bool) -> str:
    if has_more:
        return f"the server's response is not HTTP: {error}"
    return closed_early(has_begun)


class EventStreamFraming:
    """An event stream, from the client's side. The client sends nothing but the request that opens it."""

    def __init__(self, target: Target) -> None:
        headers = target.headers
        if "accept" not in {name.lower() for name, _ in headers}:
            headers = (("Accept", EVENT_STREAM_TYPE), *headers)
        self._request = format_request("GET", address_of(target.url), headers, b"")
        self._protocol = h11.Connection(h11.CLIENT)
        self._protocol.send(h11.Request(method="GET", target="/", headers=[("Host", "server")]))
        self._protocol.send(h11.EndOfMessage())
        self._events = EventParser()
        self._received = b""  # before the stream began
        self._has_ended = False
        self._is_closed = False  # by the client: from then on the server may end the stream anywhere
        self._status: int | None = None  # with which the server rejected the request
        self._body = b""  # of that response
        self.is_ready = False
        self.is_over = False
        self.protocol_error: str | None = None

    def opening(self) -> bytes:
        return self._request

    def receive(self, data: bytes) -> list[Step]:
        if not self.is_ready:
            self._received += data
        self._protocol.receive_data(data)
        return self._steps()

    def end(self) -> list[Step]:
        self._has_ended = True
        self._protocol.receive_data(b"")
        steps = self._steps()
        self.is_over = True
        if self.protocol_error is None and self._events.rest and not self._is_closed:
            rest = excerpt(self._events.rest)
            self.protocol_error = f"the stream ended in the middle of an event: {rest}"
        return steps

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        raise NotPossible("an event stream accepts nothing from the client")

    def close(self, code: int | None, reason: str) -> None:
        self._is_closed = True

    def handshake_status(self) -> str:
        if error := rejected_by(self._received):
            raise error
        return "the server's response is not complete" if self._received else "the server sends nothing"

    def _steps(self) -> list[Step]:
        steps: list[Step] = []
        try:
            while not self.is_over and self._take(self._protocol.next_event(), steps):
                continue
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

    def _take(self, event: object, steps: list[Step]) -> bool:
        """Return whether there can be more."""
        match event:
            case h11.InformationalResponse():
                return True
            case h11.Response():
                self._begin(event)
                return True
            case h11.Data(data=data) if self._status is not None:
                self._body += bytes(data)
                return True
            case h11.Data(data=data):
                self._take_data(bytes(data), steps)
                return True
            case h11.EndOfMessage() if self._status is not None:
                raise rejected(self._status, self._body)
            case h11.EndOfMessage():
                self.is_over = True
        return False

    def _begin(self, response: h11.Response) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        kind = headers.get("content-type", "")
        if response.status_code != 200:
            self._status = response.status_code
        elif kind.partition(";")[0].strip().lower() != EVENT_STREAM_TYPE:
            raise Refused(f"the server's response is {kind or 'of no type'}, not {EVENT_STREAM_TYPE}")
        else:
            self.is_ready, self._received = True, b""

    def _take_data(self, data: bytes, steps: list[Step]) -> None:
        for event in self._events.feed(data):
            if error := utf8_error(event, "an event"):
                self.protocol_error, self.is_over = error, True
                return
            steps.append(received(Opcode.EVENT, event))
        if self._events.buffered_bytes > MAX_BYTES:
            self.protocol_error, self.is_over = "the server sent an event of more than 16 MiB", True
