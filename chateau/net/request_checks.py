"""Checks of every HTTP request, before its route is looked up: its host, and the preflights of browsers.

They come before everything else, on Tornado's HTTP connection. A publish connection
(:mod:`chateau.net.publish_connection`) checks the host itself, and gives all other requests back to here.
"""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from tornado.httputil import HTTPMessageDelegate, HTTPServerConnectionDelegate, format_timestamp

from chateau import __version__
from chateau.net.base_handler import BoundedBody, body_length

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tornado.http1connection import HTTP1Connection
    from tornado.httputil import HTTPHeaders, RequestStartLine

    from chateau.net.host_policy import HostPolicy
    from chateau.net.origin_policy import HeaderLines, OriginPolicy
    from chateau.net.proxies import TrustedProxies

log = logging.getLogger(__name__)

DRAINED_BYTES: Final = 1_048_576
"""Bytes of a body that are read and dropped before the response to a refused request."""


class RequestChecks(HTTPServerConnectionDelegate):
    """Responds to requests that a policy refuses, and to preflights; passes on all others."""

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        *,
        hosts: HostPolicy,
        origins: OriginPolicy,
        proxies: TrustedProxies,
    ) -> None:
        self.application = application
        self._hosts = hosts
        self._origins = origins
        self._proxies = proxies

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        """Return the delegate for a new request."""
        return _CheckedRequest(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Pass on that a connection has ended."""
        self.application.on_close(server_conn)

    def response(
        self, start_line: RequestStartLine, headers: HTTPHeaders, context: Any
    ) -> ShortResponse | None:
        """Return the response to a request that goes no further; None if it does."""
        rejection = self._hosts.rejection(start_line, headers, context)
        if rejection is not None:
            return ShortResponse(421, [], rejection)
        path = start_line.path.partition("?")[0]
        if not self._origins.is_preflight(start_line.method, path, headers):
            context.protocol = self._proxies.scheme_of(context, headers)
            return None
        rejection = self._origins.rejection(headers)
        cors = self._origins.cors_headers(headers["origin"])
        if rejection is not None:
            return ShortResponse(403, cors, rejection)
        return ShortResponse(204, [*cors, *self._origins.preflight_headers(path, headers)])


class ShortResponse:
    """A response: *status*, the headers that only it has, and its *text*."""

    def __init__(self, status: int, headers: HeaderLines, text: str = "") -> None:
        self.status = status
        self._headers = headers
        self._body = f"{text}\n".encode() if text else b""

    def encode(self, *, connection: str, has_body: bool) -> bytes:
        """Return the response as bytes; *connection* is the value of its header ``Connection``, if any."""
        headers = [
            ("Server", f"Chateau/{__version__}"),
            ("Date", format_timestamp(time.time())),
            ("X-Content-Type-Options", "nosniff"),
            *self._headers,
        ]
        if self._body:
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
        if self.status != HTTPStatus.NO_CONTENT:  # RFC 9110, 8.6
            headers.append(("Content-Length", str(len(self._body))))
        if connection:
            headers.append(("Connection", connection))
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head + self._body if has_body else head


class _CheckedRequest(HTTPMessageDelegate):
    """Checks one request when its head is known."""

    _delegate: HTTPMessageDelegate

    def __init__(self, checks: RequestChecks, server_conn: object, connection: HTTP1Connection) -> None:
        self._checks = checks
        self._server_conn = server_conn
        self._connection = connection

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        response = self._checks.response(start_line, headers, self._connection.context)
        if response is None:
            self._delegate = self._checks.application.start_request(self._server_conn, self._connection)
        else:
            self._delegate = _Rejection(self._connection, response)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class _Rejection(HTTPMessageDelegate):
    """Reads and drops the body of a request, and sends *response*."""

    def __init__(self, connection: HTTP1Connection, response: ShortResponse) -> None:
        self._connection = connection
        self._answer = response
        self._body = BoundedBody(connection, max_bytes=0, max_dropped=DRAINED_BYTES)
        self._is_head = False
        self._connection_header = ""
        self._is_over = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self._is_head = start_line.method == "HEAD"
        wish = headers.get("Connection", "").lower()
        if start_line.version != "HTTP/1.1":
            self._connection_header = "Keep-Alive" if wish == "keep-alive" else ""
        elif wish == "close":
            self._connection_header = "close"
        log.debug("%d %s %s", self._answer.status, start_line.method, start_line.path)
        if headers.get("Expect") == "100-continue" or self._body.must_stop(body_length(headers) or 0):
            self._respond("close")

    def data_received(self, chunk: bytes) -> None:
        if self._body.add(chunk):
            self._respond("close")

    def finish(self) -> None:
        self._respond(self._connection_header)

    def on_connection_close(self) -> None:
        self._is_over = True

    def _respond(self, connection: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._connection.write(self._answer.encode(connection=connection, has_body=not self._is_head))
        self._connection.finish()
