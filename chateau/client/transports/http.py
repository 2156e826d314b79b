"""One HTTP request on a connection of its own, and its answer.

The request is written as it is given, right or wrong; the answer is read by h11.
"""

import asyncio
import time
from dataclasses import dataclass

import h11

from chateau.client.transcript import Direction, Entry, OnEntry, Opcode
from chateau.client.transports.errors import CannotConnect, Refused, RequestFailed
from chateau.client.transports.stream import Stream
from chateau.client.transports.target import Address, address_of

LARGEST_BODY_BYTES = 64 * 2**20
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})  # a request of these says its length, even if it is 0
READ_OTHERWISE = frozenset({b"HEAD", b"CONNECT"})  # the answers to these have no body, whatever they say
SWITCHING_PROTOCOLS = 101

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whole; the names of the headers are in the case in which they came."""

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
    """Send a request and read its answer. The length of *body* is said, unless *headers* do.

    The entry of the answer has its head, and its body without the chunks that it may have come in.

    Raises:
        CannotConnect: nobody listens there.
        RequestFailed: there was no whole answer within *timeout_seconds*, or it is not HTTP.
    """
    if "connection" not in {name.lower() for name, _ in headers}:
        headers = (*headers, ("Connection", "close"))
    data = head_of(method, address_of(url), headers, body)
    return await send_request(client, data, url, on_entry, timeout_seconds, local_address)


async def send_request(
    client: str,
    data: bytes,
    url: str,
    on_entry: OnEntry,
    timeout_seconds: float,
    local_address: str | None = None,
) -> Response:
    """The same for a request that is written already: *data* goes out as it is, to the server of *url*."""
    exchange = _Exchange(client, data, on_entry)
    method = data.partition(b" ")[0].decode("latin-1")
    try:
        async with asyncio.timeout(timeout_seconds):
            return await exchange.run(address_of(url), local_address)
    except TimeoutError as exc:
        if not exchange.was_connected:
            raise CannotConnect(url, f"there is no connection (waited {timeout_seconds:g} s)") from exc
        raise RequestFailed(f"no whole answer to {method} {url} within {timeout_seconds:g} s") from exc
    except Refused as exc:
        if not exchange.was_connected:
            raise CannotConnect(url, exc.reason) from exc
        raise RequestFailed(f"no answer to {method} {url}: {exc.reason}") from exc


def head_of(method: str, address: Address, headers: Headers, body: bytes) -> bytes:
    """A whole request: *headers*, with a Host and a length where these have none, and *body*."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {address.resource} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {address.authority}")
    lines += [f"{name}: {value}" for name, value in headers]
    if (body or method in WITH_BODY) and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    if body and any(
        (name.lower(), value.lower()) == ("transfer-encoding", "chunked") for name, value in headers
    ):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = "\r\n".join([*lines, "", ""])
    try:
        return head.encode("latin-1") + body
    except UnicodeEncodeError:
        return head.encode() + body


class _Exchange:
    """A request and its answer, as the listener of a stream."""

    def __init__(self, client: str, data: bytes, on_entry: OnEntry) -> None:
        self._client = client
        self._data = data
        self._on_entry = on_entry
        self._stream = Stream(self)
        self._answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
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
            return await self._answered
        finally:
            if not self._answered.cancel() and not self._answered.cancelled():
                self._answered.exception()  # told by now, if there is one
            self._stream.drop()

    def connected(self) -> None:
        self._on_entry(Entry(time.time(), self._client, Direction.SENT, Opcode.REQUEST, self._data))
        self._stream.write(self._data)

    def data_came(self, data: bytes) -> None:
        if not self._answered.done():
            self._read(data)

    def data_ended(self, error: Exception | None) -> None:
        if self._answered.done():
            return
        self._read(b"")
        if not self._answered.done():
            self._fail("the server closed the connection before its answer was complete")

    def _read(self, data: bytes) -> None:
        try:
            self._protocol.receive_data(data)
            while not self._answered.done() and self._take(self._protocol.next_event()):
                continue
        except h11.RemoteProtocolError as exc:
            self._fail(_broken(exc, self._response is not None, bool(data)))

    def _take(self, event: object) -> bool:
        """Whether there may be more."""
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
                if len(self._body) > LARGEST_BODY_BYTES:
                    self._fail("the answer has more than 64 MiB")
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
        self._answered.set_result(response)

    def _fail(self, reason: str) -> None:
        if not self._answered.done():
            self._answered.set_exception(Refused(reason))


def _reader(data: bytes) -> h11.Connection:
    """What reads the answer: it has to know what was asked, but not what may be wrong with it."""
    reader = h11.Connection(h11.CLIENT)
    method = data.partition(b" ")[0]
    headers = [(b"Host", b"server")]
    if b"\r\nupgrade:" in data.partition(b"\r\n\r\n")[0].lower():
        headers.append((b"Upgrade", b"any"))
    known = method if method in READ_OTHERWISE else b"GET"
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
        return f"the server's answer is not HTTP: {error}"
    how = "before its answer was complete" if has_begun else "without an answer"
    return f"the server closed the connection {how}"
