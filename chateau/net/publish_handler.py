"""Publishing over HTTP: POST to ``/channel/NAME/`` and ``/broadcast/``.

A publish is one short request among thousands. It is served on Tornado's HTTP connection directly, without
the request object, the router and the handler, which together cost as much again. All other requests
go to the application. A client that publishes a second time moves to a connection that is faster still:
:mod:`chateau.net.publish_connection`. What may be published is defined in :mod:`chateau.protocols.channels`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes
from weakref import WeakSet

from tornado.httputil import HTTPMessageDelegate, HTTPServerConnectionDelegate

from chateau.hub.errors import AccessDenied, HubError, InvalidName, TooManyTries, Unavailable
from chateau.hub.guesses import MustWait
from chateau.net.allowance import AddressAllowances
from chateau.net.base_handler import BoundedBody, bearer_token, body_length
from chateau.net.host_policy import HostPolicy
from chateau.net.http_heads import DEFAULT_LIMITS, HeadLimits
from chateau.net.http_responses import Response, date_line, encode_response, error_response
from chateau.net.media import check_media
from chateau.net.origin_policy import OriginPolicy
from chateau.net.publish_connection import Resume, move_to_publish_connection
from chateau.protocols import costs
from chateau.protocols.errors import Internal, TooLarge

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tornado.http1connection import HTTP1Connection
    from tornado.httputil import HTTPHeaders, RequestStartLine

    from chateau.hub.hub import PublicationReceipt
    from chateau.hub.ports import Commit
    from chateau.net.allowance import Allowance
    from chateau.net.connection_group import ConnectionGroup
    from chateau.protocols.channels import BulkReceipt, ChannelsProtocol

log = logging.getLogger(__name__)

Headers = Mapping[str, str]
"""The headers of a request. Names are looked up in lower case; repeated headers are joined by commas."""

AddressOf = Callable[[Any, Headers], str]
"""Return the client's address, from Tornado's context of its connection and the headers of its request."""

IsProxy = Callable[[Any], bool]
"""Return whether a connection, known by Tornado's context of it, is a trusted proxy's."""

DRAIN_FACTOR = 16
"""A body of up to this many times the maximum size is read and dropped before the response."""


class PublishRoute(NamedTuple):
    """The target of a publish: the channel *name*, percent-encoded as in the path; None for a broadcast.

    *query* is the part of the address after the path.
    """

    path: str
    name: str | None
    query: str


class PublishEndpoint:
    """Turns requests to publish into publications, and the outcome into responses. One per server."""

    def __init__(
        self,
        channels: ChannelsProtocol,
        *,
        url_prefix: str,
        address_of: AddressOf,
        origins: OriginPolicy,
        hosts: HostPolicy,
        clock: Callable[[], float],
        limits: HeadLimits = DEFAULT_LIMITS,
        allowances: AddressAllowances | None = None,
        is_proxy: IsProxy = lambda _context: False,
    ) -> None:
        """*clock* returns seconds since 1970, UTC; *limits* are those of the HTTP server."""
        self._allowances = AddressAllowances(0, clock) if allowances is None else allowances
        self._is_proxy = is_proxy
        self.max_body = channels.max_frame
        self.limits = limits
        self.has_password = channels.has_password
        self.hosts = hosts
        self.served = 0  # requests to publish, whatever their outcome
        self._channels = channels
        self._address_of = address_of
        self._origins = origins
        self._clock = clock
        self._channel_path = url_prefix + "/channel/"
        self._broadcast_paths = (url_prefix + "/broadcast", url_prefix + "/broadcast/")
        self._second = -1
        self._date = b""

    def route(self, method: str, target: str) -> PublishRoute | None:
        """Return the route of a request; None if the request is not a publish."""
        path, _, query = target.partition("?")
        if method != "POST":
            return None
        if path.startswith(self._channel_path):
            name = path[len(self._channel_path) :].removesuffix("/")
            return PublishRoute(path, name, query) if "/" not in name else None
        return PublishRoute(path, None, query) if path in self._broadcast_paths else None

    def allowance_of(self, context: Any) -> Allowance | None:
        """Return the allowance of the only client on a connection, known by its *context*, to be used now.

        None without a limit, and for a proxy, which has many clients.
        """
        return None if self._is_proxy(context) else self._allowances.of(str(context.remote_ip))

    def serve(
        self, route: PublishRoute, headers: Headers, body: bytes, context: Any, paid: Allowance | None = None
    ) -> tuple[Response, Commit | None]:
        """Publish. The response is valid once the commit is done; use :meth:`not_saved` if that fails.

        *paid* is the allowance of the client if the token of this request has been taken from it.

        Raises:
            MustWait: the request has a password, and too many wrong ones came from its address.
        """
        self.served += 1
        cors = self.cors_lines(headers) if "origin" in headers else b""  # the usual case, without a call
        try:
            receipt = self._publish(route, headers, body, context, paid)
        except HubError as error:
            return error_response(error, cors), None
        except MustWait:
            self.served -= 1
            raise
        except Exception:
            log.exception("a publish failed")
            return error_response(Internal(), cors), None
        return Response(201, b"X-Delivered: %d\r\n" % receipt.delivered, cors), receipt.commit

    def excess(self, allowance: Allowance) -> Response:
        """Return the response to a publish for which *allowance* has no token."""
        return error_response(self._allowances.excess(allowance))

    def wait(self, headers: Headers, context: Any, on_turn: Callable[[], None]) -> Response | None:
        """Call *on_turn* when a request that has to wait may be repeated; return an error if it cannot."""
        try:
            self._channels.guesses.wait(context, self._address_of(context, headers), on_turn)
        except TooManyTries as error:
            return error_response(error, self.cors_lines(headers))
        return None

    def forget(self, headers: Headers, context: Any) -> None:
        """Forget the request that waits on the connection with *context*, which has ended. Idempotent."""
        self._channels.guesses.forget(context, self._address_of(context, headers))

    def cors_lines(self, headers: Headers) -> bytes:
        """Return the CORS header lines of the response to a request with *headers*; none without origin."""
        if "origin" not in headers:
            return b""
        cors = self._origins.cors_headers(headers.get("origin"))
        return "".join(f"{name}: {value}\r\n" for name, value in cors).encode("latin-1")

    def too_large(self, headers: Headers) -> Response:
        """Return the response to a body that is too long, in a request with *headers*."""
        return error_response(TooLarge(f"A body may have {self.max_body} bytes."), self.cors_lines(headers))

    def timed_out(self) -> bytes:
        """Return the last response on a connection whose request is not whole in time."""
        lines = b"X-Error: The request did not come to its end in time.\r\n"
        return self.encode(Response(408, lines), b"Connection: close\r\n")

    @staticmethod
    def not_saved(response: Response) -> Response:
        """Return the response to a publish whose commit failed, instead of *response*."""
        return error_response(
            Unavailable("A publication was delivered but could not be saved."), response.cors
        )

    def encode(self, response: Response, connection: bytes = b"") -> bytes:
        """Return *response* as bytes, with the header line *connection* if given."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._date = date_line(second)
        return encode_response(response, self._date, connection)

    def _publish(
        self, route: PublishRoute, headers: Headers, body: bytes, context: Any, paid: Allowance | None
    ) -> PublicationReceipt | BulkReceipt:
        address = self._address_of(context, headers)
        allowance = self._allowances.take(address) if paid is None else paid
        charge = _free if allowance is None else allowance.charge
        charge(costs.content(len(body)))
        receipt = self._publish_from(address, route, headers, body, context, charge)
        charge(costs.members(receipt.delivered))
        return receipt

    def _publish_from(
        self,
        address: str,
        route: PublishRoute,
        headers: Headers,
        body: bytes,
        context: Any,
        charge: Callable[[float], None],
    ) -> PublicationReceipt | BulkReceipt:
        channels = self._channels
        if "origin" in headers or "sec-fetch-site" in headers:
            self._check_origin(headers)
        password = _password(route.query, headers)
        key = headers.get("idempotency-key")
        kind = headers.get("package-type")
        check_media(headers, is_text=kind is None or kind.lower() != "bytes")
        if route.name is None:
            return channels.broadcast_all(
                body, address=address, client=context, password=password, key=key, charge=charge
            )
        name = decode_name(route.name)
        return channels.publish(name, kind, body, address=address, client=context, password=password, key=key)

    def _check_origin(self, headers: Headers) -> None:
        """Reject a request that a page of another origin makes in a browser, unless the origin is allowed."""
        rejection = self._origins.rejection(headers, "publish")
        if rejection is not None:
            raise AccessDenied(rejection)


def _free(_tokens: float) -> None:
    """Charge nothing."""


def _password(query: str, headers: Headers) -> str | None:
    """Return ``pwd`` from the query, otherwise the Bearer token."""
    if query:
        given = parse_qs(query, keep_blank_values=True).get("pwd")
        if given is not None:
            return given[0]
    return bearer_token(headers)


def remote_ip(context: Any, headers: Headers) -> str:  # noqa: ARG001 - trusts no proxy
    """Return the address that the connection comes from."""
    return str(context.remote_ip)


def decode_name(name: str) -> str:
    """Return the channel's name from its percent-encoding.

    Raises:
        InvalidName: it is not UTF-8.
    """
    if "%" not in name and name.isascii():
        return name
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError as exc:
        raise InvalidName(name, "it is not UTF-8") from exc


# On Tornado's HTTP connection


class HttpFrontend(HTTPServerConnectionDelegate):
    """Receives every request of an HTTP server; passes what is not a publish to *application*."""

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        channels: ChannelsProtocol,
        *,
        url_prefix: str = "",
        address_of: AddressOf = remote_ip,
        origins: OriginPolicy | None = None,
        hosts: HostPolicy | None = None,
        clock: Callable[[], float] = time.time,
        limits: HeadLimits = DEFAULT_LIMITS,
        group: ConnectionGroup | None = None,
        allowances: AddressAllowances | None = None,
        is_proxy: IsProxy = lambda _context: False,
    ) -> None:
        """*clock* returns seconds since 1970, UTC; *limits* are those of the server; *group* is that of the
        publish connections.

        Without *origins*, pages of the server's own origin may publish; without *hosts*, all are accepted.
        """
        self.application = application
        self.endpoint = PublishEndpoint(
            channels,
            url_prefix=url_prefix,
            address_of=address_of,
            origins=origins or OriginPolicy(),
            hosts=hosts or HostPolicy(),
            clock=clock,
            limits=limits,
            allowances=allowances,
            is_proxy=is_proxy,
        )
        self._group = group
        self._resume: Resume | None = None
        self._known: WeakSet[object] = WeakSet()  # Tornado's connections that have published once

    def resume_with(self, resume: Resume) -> None:
        """Move clients to publish connections from now on; *resume* takes back a stream for other requests.

        *resume* is :meth:`tornado.httpserver.HTTPServer.handle_stream` of the server of this frontend.
        """
        self._resume = resume

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        """Return the delegate for a new request."""
        return _RequestDelegate(self, server_conn, request_conn)

    def move(self, server_conn: object, connection: HTTP1Connection, response: bytes) -> bool:
        """Send *response* on a publish connection, and stay there; return False if that is not possible.

        The first publish of a client stays on Tornado's connection.
        """
        if self._group is None or self._resume is None:
            return False
        if server_conn not in self._known:
            self._known.add(server_conn)
            return False
        return move_to_publish_connection(connection, response, self._group, self.endpoint, self._resume)


class _RequestDelegate(HTTPMessageDelegate):
    """Passes a request to the application or to a publish, once its first line is known."""

    _delegate: HTTPMessageDelegate

    def __init__(self, frontend: HttpFrontend, server_conn: object, request_conn: HTTP1Connection) -> None:
        self._frontend = frontend
        self._server_conn = server_conn
        self._connection = request_conn

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        frontend = self._frontend
        route = frontend.endpoint.route(start_line.method, start_line.path)
        if route is None:
            self._delegate = frontend.application.start_request(self._server_conn, self._connection)
        else:
            self._delegate = _PublishDelegate(frontend, self._server_conn, self._connection, route)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class _PublishDelegate(HTTPMessageDelegate):
    """One publish, from its headers to its response."""

    _start_line: RequestStartLine
    _headers: HTTPHeaders

    def __init__(
        self, frontend: HttpFrontend, server_conn: object, connection: HTTP1Connection, route: PublishRoute
    ) -> None:
        self._frontend = frontend
        self._endpoint = frontend.endpoint
        self._server_conn = server_conn
        self._connection = connection
        self._route = route
        self._started_at = time.monotonic()
        max_body = frontend.endpoint.max_body
        self._body = BoundedBody(connection, max_bytes=max_body, max_dropped=max_body * DRAIN_FACTOR)
        self._is_over = False
        self._is_waiting = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self._start_line = start_line
        self._headers = headers
        length = body_length(headers) or 0
        awaits_consent = headers.get("Expect", "").lower() == "100-continue"
        if self._body.must_stop(length) or (awaits_consent and length > self._endpoint.max_body):
            self._stop_reading()

    def data_received(self, chunk: bytes) -> None:
        if self._body.add(chunk):
            self._stop_reading()

    def finish(self) -> None:
        if self._is_over:
            return
        try:
            response, commit = self._serve()
        except MustWait:
            self._wait()
            return
        if commit is None:
            self._respond(response)
            return
        self._connection.set_close_callback(self.on_connection_close)
        commit.add_done_callback(lambda commit: self._on_commit(response, commit))

    def on_connection_close(self) -> None:
        self._is_over = True
        if self._is_waiting:
            self._endpoint.forget(self._headers, self._connection.context)

    def _wait(self) -> None:
        """Serve the request when it is its turn; see :mod:`chateau.hub.guesses`."""
        self._connection.set_close_callback(self.on_connection_close)
        error = self._endpoint.wait(self._headers, self._connection.context, self.finish)
        if error is not None:
            self._respond(error)
        else:
            self._is_waiting = True

    def _serve(self) -> tuple[Response, Commit | None]:
        if self._start_line.version == "HTTP/1.1" and len(self._headers.get_list("Host")) != 1:
            return self._failure(400, b"X-Error: A request has one header Host.\r\n"), None
        if self._body.is_too_large:
            return self._endpoint.too_large(self._headers), None
        return self._endpoint.serve(self._route, self._headers, bytes(self._body), self._connection.context)

    def _failure(self, status: int, lines: bytes) -> Response:
        return Response(status, lines, self._endpoint.cors_lines(self._headers))

    def _on_commit(self, response: Response, commit: Commit) -> None:
        if not self._is_over:
            self._respond(response if commit.exception() is None else self._endpoint.not_saved(response))

    def _stop_reading(self) -> None:
        """Reject a body that is not read to its end; the connection has to close."""
        self._write(self._endpoint.too_large(self._headers), b"Connection: close\r\n")
        self._log(413)

    def _respond(self, response: Response) -> None:
        wish = self._headers.get("Connection", "").lower()  # as Tornado, which closes, reads it
        if self._start_line.version != "HTTP/1.1":
            self._write(response, b"Connection: Keep-Alive\r\n" if wish == "keep-alive" else b"")
        elif wish == "close":
            self._write(response, b"Connection: close\r\n")
        elif response.status != 201 or not self._has_moved(response):
            self._write(response, b"")
        self._log(response.status)

    def _has_moved(self, response: Response) -> bool:
        return self._frontend.move(self._server_conn, self._connection, self._endpoint.encode(response))

    def _write(self, response: Response, connection: bytes) -> None:
        self._connection.write(
            self._endpoint.encode(response, connection)
        )  # without write_headers: Tornado takes an encoded head
        self._connection.finish()

    def _log(self, status: int) -> None:
        milliseconds = 1000 * (time.monotonic() - self._started_at)
        log.debug("%d %s %s (%.1f ms)", status, self._start_line.method, self._route.path, milliseconds)
