"""The HTTP server: Tornado's, with a complete response to every request that cannot be served.

Tornado closes the connection without a response when a head is too long, and responds to an invalid request
with a bare 400. Here the client gets a status, a reason and a body, and time to read them. This module
replaces one method of Tornado's connection, the one that reads a request; what it reads is checked by
:mod:`chateau.net.http_heads`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from tornado import gen
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection, _ExceptionLoggingContext
from tornado.httpserver import HTTPServer, _HTTPRequestContext
from tornado.httputil import HTTPInputError
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.log import app_log

from chateau.hub.errors import HubError, cut
from chateau.net.base_handler import body_length
from chateau.net.http_heads import DEFAULT_LIMITS, HeadLimits, parse_head
from chateau.net.http_responses import date_line, encode_response, error_response
from chateau.protocols.errors import TooLarge
from chateau.protocols.http_errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tornado.httputil import (
        HTTPHeaders,
        HTTPMessageDelegate,
        HTTPServerConnectionDelegate,
        RequestStartLine,
    )

log = logging.getLogger(__name__)

BODY_BYTES = 65_536
"""Maximum size of a body, in bytes, at addresses without a limit of their own."""

READ_BYTES = 65_536

END_OF_HEAD = re.compile(rb"\n\r?\n")

LINGER_SECONDS = 1.0
LINGER_BYTES = 1_048_576
"""How long, and how much, a rejected client is read, so that a TCP reset does not discard the response."""


class HttpServer(HTTPServer):
    """An HTTP server with limits for the heads of requests."""

    def initialize(  # type: ignore[override]
        self, delegate: HTTPServerConnectionDelegate, *, limits: HeadLimits = DEFAULT_LIMITS, **options: Any
    ) -> None:
        """*options* are those of Tornado's server."""
        super().initialize(delegate, **({"max_body_size": BODY_BYTES} | options))
        self._limits = limits

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve the client at *address* on *stream*."""
        context = _HTTPRequestContext(stream, address, self.protocol, self.trusted_downstream)
        connection = _ServerConnection(stream, self.conn_params, context)
        connection.limits = self._limits
        self._connections.add(connection)
        connection.start_serving(self)


class _ServerConnection(HTTP1ServerConnection):
    """The connection of one client: one :class:`RequestConnection` after the other."""

    limits: HeadLimits

    async def _server_request_loop(self, delegate: HTTPServerConnectionDelegate) -> None:
        try:
            while True:
                request = RequestConnection(self.stream, False, self.params, self.context)
                request.limits = self.limits
                try:
                    is_open = await request.read_response(delegate.start_request(self, request))
                except (StreamClosedError, asyncio.CancelledError):
                    return
                except Exception:
                    log.exception("an HTTP connection failed and is closed")
                    request.close()
                    return
                if not is_open:
                    return
                await asyncio.sleep(0)
        finally:
            delegate.on_close(self)


class RequestConnection(HTTP1Connection):
    """The connection during one request and its response."""

    limits: HeadLimits
    head_bytes = 0
    """How much of the head has come."""

    async def _read_message_inner(self, delegate: HTTPMessageDelegate, num_1xx: int = 0) -> bool:
        """Read one request; return whether another one may follow on this connection."""
        self._delegate: HTTPMessageDelegate | None = None  # while it waits for the rest of the request
        try:
            head = await self._read_head()
            if head is None:
                self.close()
                return False
            start_line, headers = parse_head(head, self.limits)
            return await self._serve(delegate, start_line, headers)
        except HTTPInputError as exc:
            await self._reject(_error_of(exc))
        except HubError as error:
            await self._reject(error)
        finally:
            self._forget_delegate()
            self._clear_callbacks()
        return False

    async def _read_head(self) -> bytes | None:
        """Return the head of the next request, or more than its maximum size; None if none arrives in time.

        Each byte is searched once, however slowly the head arrives.
        """
        stream, limit = self.stream, self.limits.head
        deadline = stream.io_loop.time() + cast("float", self.params.header_timeout)
        head = bytearray()
        while len(head) <= limit:
            searched = max(len(head) - len(b"\n\r"), 0)
            try:
                reading = stream.read_bytes(READ_BYTES, partial=True)
                head += await gen.with_timeout(deadline, reading, StreamClosedError)
            except TimeoutError:
                return None
            self.head_bytes = len(head)
            end = END_OF_HEAD.search(head, searched)
            if end is not None:
                put_back(stream, head[end.end() :])
                return bytes(head[: end.end()])
        return bytes(head)

    async def _serve(
        self, delegate: HTTPMessageDelegate, start_line: RequestStartLine, headers: HTTPHeaders
    ) -> bool:
        self._request_start_line = start_line
        self._request_headers = headers
        self._disconnect_on_finish = not self._can_keep_alive(start_line, headers)
        self._delegate = delegate
        with _ExceptionLoggingContext(app_log):
            receiving = delegate.headers_received(start_line, headers)
            if receiving is not None:
                await receiving
        if self.stream is None:  # detached
            self._delegate = None
            return False
        await self._read_request_body(headers, delegate)
        self._read_finished = True
        if not self._write_finished:
            with _ExceptionLoggingContext(app_log):
                delegate.finish()
            self._delegate = None
        if not self._finish_future.done() and self.stream is not None and not self.stream.closed():
            self.stream.set_close_callback(self._on_connection_close)
            await self._finish_future
        return self.stream is not None

    async def _read_request_body(self, headers: HTTPHeaders, delegate: HTTPMessageDelegate) -> None:
        length = body_length(headers)
        if length is not None and length > self._max_body_size:
            raise TooLarge(f"A body may have {self._max_body_size} bytes here.")
        if headers.get("Expect", "").lower() == "100-continue" and not self._write_finished:
            self.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        reading: Awaitable[None] | None = self._read_body(0, headers, delegate)
        if reading is not None:
            await reading

    def _forget_delegate(self) -> None:
        """Report the end of the connection to a delegate that still waits for the rest of the request."""
        delegate, self._delegate = self._delegate, None
        if delegate is not None:
            with _ExceptionLoggingContext(app_log):
                delegate.on_connection_close()

    async def _reject(self, error: HubError) -> None:
        """Respond with *error*, and close the connection once the client has had time to read it."""
        log.debug("a request from %s is rejected: %s", self.context, error)
        stream = self.stream
        if self._write_finished or self._response_start_line is not None:  # it has a response already
            self.close()
            return
        date = date_line(int(time.time()))
        with suppress(StreamClosedError, TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await stream.write(encode_response(error_response(error), date, b"Connection: close\r\n"))
                await _read_to_the_end(stream)
        self.close()


def put_back(stream: IOStream, data: bytes | bytearray) -> None:
    """Make *data* what *stream* reads next. Tornado has no method for this."""
    stream._read_buffer[:0] = data  # noqa: SLF001
    stream._read_buffer_size += len(data)  # noqa: SLF001


def _error_of(exc: HTTPInputError) -> HubError:
    """Return the error for a request that Tornado rejects."""
    reason = str(exc)
    if reason == "chunked body too large":
        return TooLarge(f"A body may have {BODY_BYTES} bytes here.")
    return InvalidRequest(f"This is not a valid request of HTTP/1.1: {cut(reason)}.")


async def _read_to_the_end(stream: IOStream) -> None:
    """Send the end of the data, and drop what still arrives, up to LINGER_BYTES.

    Raises:
        StreamClosedError: the client has closed the connection.
    """
    if not isinstance(stream, SSLIOStream):  # TLS has no half-close that all clients support
        with suppress(OSError):
            stream.socket.shutdown(socket.SHUT_WR)
    dropped = 0
    while dropped < LINGER_BYTES:
        dropped += len(await stream.read_bytes(65_536, partial=True))
        await asyncio.sleep(0)
