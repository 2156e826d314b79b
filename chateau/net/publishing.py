"""Publishing: the front of the HTTP server, where packages come in by POST.

A publish is one short request among thousands, so it is served right here on Tornado's HTTP connection,
without the request object, the router and the handler, which cost as much again as all the rest. What
is no publish goes on to the application. What may be published is
:mod:`chateau.protocols.channels`' matter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    ResponseStartLine,
    format_timestamp,
)

from chateau import __version__
from chateau.hub.errors import HubError, InvalidName, Unavailable
from chateau.hub.hub import has_failed
from chateau.protocols.errors import Internal, TooLarge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from tornado.http1connection import HTTP1Connection
    from tornado.httputil import RequestStartLine

    from chateau.hub.hub import PackageReceipt
    from chateau.hub.ports import Commit
    from chateau.protocols.channels import ChannelsProtocol

log = logging.getLogger(__name__)

AddressOf = Callable[[Any, HTTPHeaders], str]
"""The client's address, from Tornado's context of its connection and the headers of its request."""

DRAINED = 16
"""How many times the longest body is read and dropped of one that is too long.

A client that is writing reads no answer, and closing on it would take the answer away from it.
"""

UNLIMITED = 2**62  # Tornado answers what goes beyond its own limit with a bare 400

STATUSES = {
    "access_denied": 403,
    "banned": 403,
    "too_large": 413,
    "internal": 500,
    "unavailable": 503,
}
"""HTTP's word for each code; 400 for all others."""

BODIES = {
    201: b'"OK"',
    400: b'"Bad request"',
    403: b'"Not authorized"',
    405: b'"Method not allowed"',
    413: b'"Too large"',
    500: b'"Internal error"',
    503: b'"Unavailable"',
}


def remote_ip(context: Any, headers: HTTPHeaders) -> str:  # noqa: ARG001 - a proxy is not believed
    """The address that the connection comes from."""
    return str(context.remote_ip)


class Errand(NamedTuple):
    """What one request wants: to publish to the channel *name*, percent-encoded, or to all in its body."""

    name: str | None
    query: str


class Reception(HTTPServerConnectionDelegate):
    """Takes every request of an HTTP server: publishes for *channels*, all else for *application*."""

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        channels: ChannelsProtocol,
        *,
        url_prefix: str = "",
        max_body: int = 1_048_576,
        address_of: AddressOf = remote_ip,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """*max_body* is in bytes; *clock* returns seconds since 1970, UTC."""
        self.application = application
        self.channels = channels
        self.max_body = max_body
        self.address_of = address_of
        self._channel_path = url_prefix + "/channel/"
        self._broadcast_paths = (url_prefix + "/broadcast", url_prefix + "/broadcast/")
        self._clock = clock
        self._head_second = 0
        self._head = b""

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        """A request begins."""
        return _Visit(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """A connection has ended."""
        self.application.on_close(server_conn)

    def errand(self, method: str, target: str) -> Errand | None:
        """What a request wants here; None where it is the application's."""
        path, _, query = target.partition("?")
        if method == "POST" and path.startswith(self._channel_path):
            name = path[len(self._channel_path) :].removesuffix("/")
            return Errand(name, query) if "/" not in name else None
        return Errand(None, query) if path in self._broadcast_paths else None

    def common_headers(self) -> dict[str, str]:
        """What every answer begins with."""
        return {
            "Server": f"Chateau/{__version__}",
            "Date": format_timestamp(self._clock()),
            "X-Content-Type-Options": "nosniff",
            "Content-Type": "application/json",
        }

    def confirmation(self, delivered: int) -> bytes:
        """The whole answer 201; all of it but the number is made once a second."""
        second = int(self._clock())
        if second != self._head_second:
            headers = self.common_headers() | {"Content-Length": str(len(BODIES[201]))}
            lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
            self._head = "".join(["HTTP/1.1 201 Created\r\n", *lines, "X-Delivered: "]).encode()
            self._head_second = second
        return b'%b%d\r\n\r\n"OK"' % (self._head, delivered)


class _Visit(HTTPMessageDelegate):
    """One request: from its first line on it goes to whom it concerns."""

    _host: HTTPMessageDelegate

    def __init__(self, reception: Reception, server_conn: object, request_conn: HTTP1Connection) -> None:
        self._reception = reception
        self._server_conn = server_conn
        self._connection = request_conn

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        reception = self._reception
        errand = reception.errand(start_line.method, start_line.path)
        if errand is None:
            self._host = reception.application.start_request(self._server_conn, self._connection)
        else:
            self._host = _Publication(reception, self._connection, errand)
        return self._host.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._host.data_received(chunk)

    def finish(self) -> None:
        self._host.finish()

    def on_connection_close(self) -> None:
        self._host.on_connection_close()


class _Publication(HTTPMessageDelegate):
    """One publish, from its headers to its answer."""

    _start_line: RequestStartLine
    _headers: HTTPHeaders

    def __init__(self, reception: Reception, connection: HTTP1Connection, errand: Errand) -> None:
        self._reception = reception
        self._connection = connection
        self._errand = errand
        self._began = time.monotonic()
        self._chunks: list[bytes] = []
        self._size = 0
        self._receipts: Sequence[PackageReceipt] = ()
        self._uncommitted = 0
        self._is_over = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self._start_line = start_line
        self._headers = headers
        self._connection.set_max_body_size(UNLIMITED)
        declared = _length(headers)
        if declared > self._reception.max_body:
            is_asking = headers.get("Expect") == "100-continue"
            if is_asking or declared > self._reception.max_body * DRAINED:
                self._stop_reading()

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self._reception.max_body:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()
            if self._size > self._reception.max_body * DRAINED:
                self._stop_reading()

    def finish(self) -> None:
        if self._start_line.method != "POST":
            self._answer(405, {"Allow": "POST", "X-Error": "Publishing takes the method POST."})
            return
        try:
            self._receipts = self._publish()
        except HubError as error:
            self._refuse(error)
        except Exception:
            log.exception("a publish failed")
            self._refuse(Internal())
        else:
            self._wait([receipt.commit for receipt in self._receipts if receipt.commit is not None])

    def on_connection_close(self) -> None:
        self._is_over = True

    def _publish(self) -> Sequence[PackageReceipt]:
        if self._size > self._reception.max_body:
            raise self._too_large()
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        headers, channels = self._headers, self._reception.channels
        address = self._reception.address_of(self._connection.context, headers)
        password = _password(self._errand.query, headers)
        key = _value(headers, "Idempotency-Key")
        if self._errand.name is None:
            return channels.broadcast_all(body, address=address, password=password, key=key)
        name, kind = decoded(self._errand.name), _value(headers, "Package-Type")
        return (channels.publish(name, kind, body, address=address, password=password, key=key),)

    def _wait(self, commits: list[Commit]) -> None:
        if not commits:
            self._confirm()
            return
        self._uncommitted = len(commits)
        self._connection.set_close_callback(self.on_connection_close)
        for commit in commits:
            commit.add_done_callback(self._on_commit)

    def _on_commit(self, _commit: Commit) -> None:
        self._uncommitted -= 1
        if self._uncommitted or self._is_over:
            return
        if any(has_failed(receipt.commit) for receipt in self._receipts):
            self._refuse(Unavailable("A package was passed on, but it could not be kept."))
        else:
            self._confirm()

    # The answer

    def _confirm(self) -> None:
        delivered = sum([receipt.delivered for receipt in self._receipts])
        if self._start_line.version != "HTTP/1.1" or self._is_last():
            self._answer(201, {"X-Delivered": str(delivered)})
            return
        self._connection.write(self._reception.confirmation(delivered))
        self._connection.finish()
        self._log(201)

    def _is_last(self) -> bool:
        """Whether the client wants the connection to end; Tornado, which ends it, reads it so."""
        return (_value(self._headers, "Connection") or "").lower() == "close"

    def _refuse(self, error: HubError, **headers: str) -> None:
        self._answer(STATUSES.get(error.code, 400), {"X-Error": one_line(str(error))} | headers)

    def _stop_reading(self) -> None:
        """Refuse a body that is not read to its end; the connection ends, since nothing else can."""
        self._refuse(self._too_large(), Connection="close")

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A body may have {self._reception.max_body} bytes.")

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        body = BODIES[status]
        start_line = ResponseStartLine("HTTP/1.1", status, HTTPStatus(status).phrase)
        common = self._reception.common_headers() | {"Content-Length": str(len(body))}
        is_head = self._start_line.method == "HEAD"
        self._connection.write_headers(start_line, HTTPHeaders(common | headers), None if is_head else body)
        self._connection.finish()
        self._log(status)

    def _log(self, status: int) -> None:
        path = self._start_line.path.partition("?")[0]  # what follows may be a password
        milliseconds = 1000 * (time.monotonic() - self._began)
        log.debug("%d %s %s (%.1f ms)", status, self._start_line.method, path, milliseconds)


def decoded(name: str) -> str:
    """The channel's name that *name* is in percent-encoding.

    Raises:
        InvalidName: it is not UTF-8.
    """
    if "%" not in name and name.isascii():
        return name
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError as exc:
        raise InvalidName(name, "it is not UTF-8") from exc


def one_line(sentence: str) -> str:
    """*sentence* as a header may hold it: printable ASCII, all else as Python escapes it."""
    return sentence.encode("unicode_escape").decode()


def _value(headers: HTTPHeaders, name: str) -> str | None:
    """The header's value. ``headers.get`` finds out what is missing by an exception, in 1 µs."""
    values = headers.get_list(name)
    return ",".join(values) if values else None


def _length(headers: HTTPHeaders) -> int:
    """The body's length in bytes as it was told; 0 where it was not, or in no number."""
    value = _value(headers, "Content-Length")
    return int(value) if value is not None and value.isdecimal() else 0


def _password(query: str, headers: HTTPHeaders) -> str | None:
    """What the query calls ``pwd``, else the Bearer token."""
    if query:
        given = parse_qs(query, keep_blank_values=True).get("pwd")
        if given is not None:
            return given[0]
    scheme, _, token = (_value(headers, "Authorization") or "").partition(" ")
    return token.strip().encode("latin-1").decode(errors="replace") if scheme.lower() == "bearer" else None
