"""The HTTP server with limits of connections, time and unfinished input.

Tornado has no limit of connections, and closes one without a word when a request takes too long. Here such
a client gets a response: 503 when there are too many connections, 408 when a head or a body does not come to
its end. A client that has begun no request gets no response, which it would take for one to its next request
(RFC 9112, 9.5).
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from socket import SHUT_WR
from typing import TYPE_CHECKING, Any, Final

from tornado.httputil import HTTPMessageDelegate
from tornado.iostream import SSLIOStream

from chateau.hub.guesses import share_of
from chateau.net.connection import LINGER_SECONDS
from chateau.net.foreign_clients import watch_opening
from chateau.net.http_responses import Response, date_line, encode_response
from chateau.net.http_server import HttpServer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from tornado.httputil import HTTPConnection, HTTPHeaders
    from tornado.iostream import IOStream

    from chateau.net.connection_group import ConnectionGroup

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 1.0
"""How often the times of requests are checked."""

IDLE_SECONDS: Final = 60.0
"""How long a connection may stay open before its first request, and between two."""

RETRY_SECONDS: Final = 5
"""The ``Retry-After`` of a rejection."""


class WebServer(HttpServer):
    """An HTTP server whose connections are counted, and whose requests have to come in time."""

    def initialize(  # type: ignore[override]
        self,
        delegate: Any,
        *,
        group: ConnectionGroup,
        request_seconds: float = 0,
        is_shared: Callable[[str], bool] = lambda _address: False,
        **options: Any,
    ) -> None:
        """Serve with *delegate*, and count in the limits of *group*.

        A head has to come within *request_seconds*, and a body too; 0 is no limit. *is_shared* returns
        whether an address is that of a proxy, and so of many clients.
        """
        super().initialize(delegate, idle_connection_timeout=IDLE_SECONDS, **options)
        self._group = group
        self._request_seconds = request_seconds
        self._is_shared = is_shared
        self._clients: dict[object, _Client] = {}
        self._checking: asyncio.TimerHandle | None = None

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a client that has been accepted, unless there are too many."""
        host = str(address[0]) if isinstance(address, tuple) else ""
        rejection = self._group.limits.rejection(share_of(host), is_shared=self._is_shared(host))
        if rejection is None:
            watch_opening(stream, address)
            super().handle_stream(stream, address)
        elif isinstance(stream, SSLIOStream):
            stream.close()  # there is no handshake yet, so that nothing can be sent
        else:
            respond_and_close(stream, 503, rejection)

    def resume(self, stream: IOStream, address: Any) -> None:
        """Serve a client that has been admitted before."""
        super().handle_stream(stream, address)

    def start_request(self, server_conn: Any, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return the delegate of the next request on a connection."""
        client = self._clients.get(server_conn)
        if client is None:
            client = self._clients[server_conn] = _Client(self._group, server_conn)
            if self._checking is None and self._request_seconds:
                self._checking = self._group.loop.call_later(CHECK_SECONDS, self._check)
        client.begin(request_conn)
        return _Timed(super().start_request(server_conn, request_conn), client)

    def on_close(self, server_conn: Any) -> None:
        """Forget a connection that has ended, or that is not HTTP any more."""
        super().on_close(server_conn)
        client = self._clients.pop(server_conn, None)
        if client is not None:
            client.end()

    def _check(self) -> None:
        """End the requests that take too long."""
        self._checking = None
        oldest = self._group.loop.time() - self._request_seconds
        for client in list(self._clients.values()):
            client.check(oldest)
        if self._clients:
            self._checking = self._group.loop.call_later(CHECK_SECONDS, self._check)


class _Client:
    """One HTTP connection: what it is doing, and since when."""

    def __init__(self, group: ConnectionGroup, server_conn: Any) -> None:
        self.address = share_of(server_conn.context.address[0] if _has_address(server_conn) else "")
        self._group = group
        self._stream: IOStream = server_conn.stream
        self._since: float | None = None  # when the head or the body began to come
        self._is_in_head = True
        self._body_bytes = 0
        self.is_ending = False  # the rest of what it sends is dropped
        group.limits.add(self)

    def begin(self, request: Any) -> None:
        """Wait for the next *request*."""
        self._request = request
        self._is_in_head, self._since = True, None

    def on_head(self) -> None:
        """Wait for the body."""
        self._is_in_head, self._since = False, self._group.loop.time()

    def on_body(self, size: int) -> None:
        """Count *size* bytes of the body."""
        if self.is_ending:
            return
        self._body_bytes += size
        self._group.partial_input.set(self, self._body_bytes)

    def on_whole(self) -> None:
        """Serve the request, which has come to its end."""
        self._since = None
        self._release()

    def end(self) -> None:
        """Count no longer."""
        self._release()
        self._group.limits.remove(self)

    def check(self, oldest: float) -> None:
        """End the request if it began before *oldest* and is not whole."""
        if self._is_in_head and self._request.head_bytes and self._since is None:
            self._since = self._group.loop.time()
        if self._since is not None and self._since < oldest and not self.is_ending:
            part = "head" if self._is_in_head else "body"
            log.info("a request of %s has timed out: its %s is not whole", self.address, part)
            self._end(408, f"The {part} of the request did not come in time.")

    @property
    def is_expendable(self) -> bool:
        """Whether it is between two requests, or before the first."""
        return self._is_in_head and not self._request.head_bytes

    def make_room(self) -> None:
        """End without a response: no request waits for one."""
        self._stream.close()

    def drop_input(self, reason: str) -> None:
        """End with 503, for *reason*."""
        self._end(503, f"The server has {reason}.")

    def _end(self, status: int, sentence: str) -> None:
        if not self.is_ending:
            self.is_ending = True
            respond_and_close(self._stream, status, sentence)

    def _release(self) -> None:
        self._body_bytes = 0
        self._group.partial_input.set(self, 0)


def _has_address(server_conn: Any) -> bool:
    return isinstance(server_conn.context.address, tuple)


class _Timed(HTTPMessageDelegate):
    """Reports to *client* how far its request is, and passes it on."""

    def __init__(self, delegate: HTTPMessageDelegate, client: _Client) -> None:
        self._delegate = delegate
        self._client = client

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        self._client.on_head()
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        self._client.on_body(len(chunk))
        return None if self._client.is_ending else self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._client.on_whole()
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._client.on_whole()
        self._delegate.on_connection_close()


def respond_and_close(stream: IOStream, status: int, sentence: str) -> None:
    """Send a response that needs no request, and close *stream*.

    Closing it at once would discard the response if the client is still sending.
    """
    if stream.closed():
        return
    lines = f"X-Error: {sentence}\r\nRetry-After: {RETRY_SECONDS}\r\nConnection: close\r\n".encode()
    stream.write(encode_response(Response(status, lines), date_line(int(time.time()))))
    if not stream.closed() and not isinstance(stream, SSLIOStream):
        with suppress(OSError):
            stream.socket.shutdown(SHUT_WR)
    stream.io_loop.call_later(LINGER_SECONDS, stream.close)
