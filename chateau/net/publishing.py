"""Publishing: the front of the HTTP server, where packages come in by POST.

A publish is one short request among thousands, so it is served right here on Tornado's HTTP connection,
without the request object, the router and the handler, which cost as much again as all the rest. What
is no publish goes on to the application. A client that publishes a second time gets a connection that is
faster still: :mod:`chateau.net.publisher`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from tornado.httputil import HTTPMessageDelegate, HTTPServerConnectionDelegate

from chateau.net.publish_desk import Answer, PublishDesk, body_length, header, not_kept, remote_ip
from chateau.net.publisher import FastLane

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tornado.http1connection import HTTP1Connection
    from tornado.httputil import HTTPHeaders, RequestStartLine

    from chateau.hub.ports import Commit
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.publish_desk import AddressOf, AllowsOrigin, Errand
    from chateau.net.publisher import Resume
    from chateau.protocols.channels import ChannelsProtocol

log = logging.getLogger(__name__)

DRAINED = 16
"""How many times the longest body is read and dropped of one that is too long.

A client that is writing reads no answer, and closing on it would take the answer away from it.
"""

UNLIMITED = 2**62  # Tornado answers what goes beyond its own limit with a bare 400


class Reception(HTTPServerConnectionDelegate):
    """Takes every request of an HTTP server: publishes for *channels*, all else for *application*."""

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        channels: ChannelsProtocol,
        *,
        url_prefix: str = "",
        address_of: AddressOf = remote_ip,
        allows_origin: AllowsOrigin = lambda _origin: False,
        clock: Callable[[], float] = time.time,
        group: ConnectionGroup | None = None,
    ) -> None:
        """*clock* returns seconds since 1970, UTC; *group* is for the publishers' own connections."""
        self.application = application
        self.desk = PublishDesk(
            channels,
            url_prefix=url_prefix,
            address_of=address_of,
            allows_origin=allows_origin,
            clock=clock,
        )
        self._group = group
        self._lane: FastLane | None = None
        self._known: WeakSet[object] = WeakSet()  # Tornado's connections that have published once

    def resume_with(self, resume: Resume) -> None:
        """Let publishers have connections of their own from now on; *resume* takes back what is no publish.

        That is :meth:`tornado.httpserver.HTTPServer.handle_stream` of the server that this one is for.
        """
        if self._group is not None:
            self._lane = FastLane(self._group, self.desk, resume)

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        """A request begins."""
        return _Visit(self, server_conn, request_conn)

    def lane_for(self, server_conn: object) -> FastLane | None:
        """Where the connection may go on; it has published."""
        if self._lane is None or server_conn in self._known:
            return self._lane
        self._known.add(server_conn)
        return None


class _Visit(HTTPMessageDelegate):
    """One request: from its first line on it goes to whom it concerns."""

    _host: HTTPMessageDelegate

    def __init__(self, reception: Reception, server_conn: object, request_conn: HTTP1Connection) -> None:
        self._reception = reception
        self._server_conn = server_conn
        self._connection = request_conn

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        reception = self._reception
        errand = reception.desk.errand(start_line.method, start_line.path)
        if errand is None:
            self._host = reception.application.start_request(self._server_conn, self._connection)
        else:
            self._host = _Publication(reception, self._server_conn, self._connection, errand)
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

    def __init__(
        self, reception: Reception, server_conn: object, connection: HTTP1Connection, errand: Errand
    ) -> None:
        self._reception = reception
        self._desk = reception.desk
        self._server_conn = server_conn
        self._connection = connection
        self._errand = errand
        self._began = time.monotonic()
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_over = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self._start_line = start_line
        self._headers = headers
        self._connection.set_max_body_size(UNLIMITED)
        declared = body_length(headers) or 0
        if declared > self._desk.max_body:
            is_asking = headers.get("Expect") == "100-continue"
            if is_asking or declared > self._desk.max_body * DRAINED:
                self._stop_reading()

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self._desk.max_body:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()
            if self._size > self._desk.max_body * DRAINED:
                self._stop_reading()

    def finish(self) -> None:
        answer, commit = self._served()
        if commit is None:
            self._answer(answer)
            return
        self._connection.set_close_callback(self.on_connection_close)
        commit.add_done_callback(lambda commit: self._settle(answer, commit))

    def on_connection_close(self) -> None:
        self._is_over = True

    def _served(self) -> tuple[Answer, Commit | None]:
        if self._start_line.method != "POST":
            return Answer(405, b"Allow: POST\r\nX-Error: Publishing takes the method POST.\r\n"), None
        if self._start_line.version == "HTTP/1.1" and len(self._headers.get_list("Host")) != 1:
            return Answer(400, b"X-Error: A request has one header Host.\r\n"), None
        if self._size > self._desk.max_body:
            return self._desk.too_large(), None
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return self._desk.serve(self._errand, self._headers, body, self._connection.context)

    def _settle(self, answer: Answer, commit: Commit) -> None:
        if not self._is_over:
            self._answer(answer if commit.exception() is None else not_kept())

    def _stop_reading(self) -> None:
        """Refuse a body that is not read to its end; the connection ends, since nothing else can."""
        self._write(self._desk.too_large(), b"Connection: close\r\n")
        self._log(413)

    def _answer(self, answer: Answer) -> None:
        wish = (header(self._headers, "Connection") or "").lower()  # as Tornado, which closes, reads it
        if self._start_line.version != "HTTP/1.1":
            self._write(answer, b"Connection: Keep-Alive\r\n" if wish == "keep-alive" else b"")
        elif wish == "close":
            self._write(answer, b"Connection: close\r\n")
        elif answer.status != 201 or not self._goes_on_in_the_lane(answer):
            self._write(answer, b"")
        self._log(answer.status)

    def _goes_on_in_the_lane(self, answer: Answer) -> bool:
        lane = self._reception.lane_for(self._server_conn)
        return lane is not None and lane.take(self._connection, self._desk.written(answer))

    def _write(self, answer: Answer, connection: bytes) -> None:
        payload = self._desk.written(answer, connection)
        if self._start_line.method == "HEAD":
            payload = payload[: payload.index(b"\r\n\r\n") + 4]
        self._connection.write(payload)  # without write_headers: Tornado takes a head that is written out
        self._connection.finish()

    def _log(self, status: int) -> None:
        milliseconds = 1000 * (time.monotonic() - self._began)
        log.debug("%d %s %s (%.1f ms)", status, self._start_line.method, self._errand.path, milliseconds)
