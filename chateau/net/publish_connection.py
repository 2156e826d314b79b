"""Publish connections: one POST after the other on one socket, parsed by llhttp (httptools).

Half of the cost of a publish on Tornado's connection is Tornado's: futures, timers and small reads per
request. A client that publishes a second time is likely to continue, so its socket is detached from Tornado
and read in bulk, as those of WebSockets are. When anything but a plain publish arrives, the socket goes back
to Tornado with all bytes that are not served; the client does not notice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from httptools import HttpParserError, HttpRequestParser
from tornado.iostream import IOStream, StreamClosedError

from chateau.hub.guesses import MustWait, share_of
from chateau.net.accept import detach_socket
from chateau.net.base_handler import body_length
from chateau.net.connection import CLOSED, ENDING, OPEN, SocketConnection
from chateau.net.framing import DiscardingDecoder, Framing
from chateau.net.host_policy import accepts_any
from chateau.net.liveness import probe_when_idle
from chateau.protocols.response_queue import ResponseQueue

if TYPE_CHECKING:
    from socket import socket

    from tornado.http1connection import HTTP1Connection

    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.frames import Received
    from chateau.net.framing import Decoder
    from chateau.net.http_responses import Response
    from chateau.net.publish_handler import PublishEndpoint, PublishRoute

log = logging.getLogger(__name__)

Resume = Callable[[IOStream, Any], object]
"""Takes back a stream, and its client's address as the socket reports it."""

IDLE_SECONDS = 60.0
"""How long a client may send nothing."""

UNREAD_BYTES = 1_048_576
"""How much may wait to go back to Tornado while earlier responses are due."""

HEAD_BYTES = 16_384
"""Maximum size of a request's head, in bytes; Tornado takes longer ones."""

PUBLISHING = Framing(
    decoder=DiscardingDecoder,  # a publish connection parses requests itself
    text=bytes,  # whole responses
    binary=bytes,
    close=lambda *_: b"",
    ping=b"",
    is_answered=False,
    is_half_closed=True,
)

_HEAD_END = b"\r\n\r\n"
_TO_TORNADO = ("transfer-encoding", "expect", "upgrade")


class _NotPlain(Exception):
    """The request is left to Tornado."""


class PublishRequest(NamedTuple):
    """One request; *headers* have names in lower case, and *start* is where it begins in what was parsed."""

    route: PublishRoute
    headers: dict[str, str]
    body: bytes
    start: int


class PublishParser:
    """Splits what one client sends into publishes. No I/O.

    Plain means: a POST with a route, a head and a ``Content-Length`` within the limits, an accepted ``Host``,
    no repeated header, and nothing about the connection or the encoding of the body. *rest* is None until
    something else arrives, valid or not; from then on it has all bytes from the first one of that request.
    """

    def __init__(self, endpoint: PublishEndpoint, accepts_host: Callable[[str], bool] = accepts_any) -> None:
        self._endpoint = endpoint
        self._limits = endpoint.limits
        self._head_bytes = min(HEAD_BYTES, endpoint.limits.head - len(_HEAD_END))
        self._accepts_host = accepts_host
        self._host: str | None = None  # the last one that was accepted
        self._pieces: list[bytes] = []  # the beginning of a request
        self.partial_bytes = 0  # of them
        self.count = 0  # requests that have begun
        self._wanted = 0  # bytes without which nothing more can be parsed
        self._parser: Any = HttpRequestParser(self)
        self._begin()
        self.rest: bytes | None = None
        self.has_stopped = False  # before a request that is in the rest: those behind it are there, too
        self._fed = b""  # what the last call of feed has parsed

    def _begin(self) -> None:
        self.count += 1
        self._url = b""
        self._headers: dict[str, str] = {}
        self._parsed = 0  # bytes of the head so far
        self._is_head_complete = False

    def feed(self, data: bytes) -> list[PublishRequest]:
        """Return the publishes that *data* completes."""
        if self.rest is not None:
            self.rest += data
            return []
        self._pieces.append(data)
        self.partial_bytes += len(data)
        return self._parse() if self.partial_bytes >= self._wanted else []

    def stop_before(self, request: PublishRequest) -> None:
        """Leave *request*, which the last call of :meth:`feed` has returned, and all behind it."""
        self._pieces.clear()
        self.rest = self._fed[request.start :]
        self._fed = b""
        self.has_stopped = True
        self.close()

    def close(self) -> None:
        """Release the parser, which refers back to this object."""
        self._parser = None

    # Called by llhttp

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode().lower()
        if key in self._headers or key in _TO_TORNADO:
            raise _NotPlain
        self._headers[key] = value.strip(b" \t").decode("latin-1")

    def on_headers_complete(self) -> None:
        self._is_head_complete = True

    # Finding where requests begin, which llhttp does not report

    def _parse(self) -> list[PublishRequest]:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        found: list[PublishRequest] = []
        if self._endpoint.has_password:
            self._fed = data
        start = stop = 0
        end = len(data)
        try:
            while start < end:
                stop = self._parse_request(data, start)
                if stop > end:
                    break
                begin = start + self._parsed
                found.append(PublishRequest(self._route, self._headers, data[begin:stop], start))
                self._begin()
                start = stop
            self._wanted = stop - start
        except (HttpParserError, _NotPlain):
            self._pieces.clear()
            self.rest = data[start:]
            self.close()
            return found
        self._pieces = [data[start:]] if start < end else []
        self.partial_bytes = end - start
        return found

    def _parse_request(self, data: bytes, start: int) -> int:
        """Return where the request at *start* ends; if beyond *data*: how far it must be received."""
        if not self._is_head_complete:
            end = data.find(_HEAD_END, start)
            stop = end + len(_HEAD_END) if end >= 0 else len(data)
            if stop - start > self._head_bytes + len(_HEAD_END):
                raise _NotPlain
            self._parser.feed_data(data[start + self._parsed : stop])
            self._parsed = stop - start
            if end < 0:
                return len(data) + 1
            self._check_head(data, start)
        stop = start + self._parsed + self._length
        if self._length and stop <= len(data):
            self._parser.feed_data(data[start + self._parsed : stop])
        return stop

    def _check_head(self, data: bytes, start: int) -> None:
        headers = self._headers
        # llhttp is lenient about empty lines and spaces here only.
        if not self._is_head_complete or not data.startswith(b"POST %b HTTP/1.1\r\n" % self._url, start):
            raise _NotPlain
        if len(headers) > self._limits.headers or len(self._url) > self._limits.target:
            raise _NotPlain
        route = self._endpoint.route("POST", self._url.decode("latin-1"))
        length = body_length(headers)
        if route is None or length is None or length > self._endpoint.max_body:
            raise _NotPlain
        host = headers.get("host")
        if host != self._host or host is None:
            self._check_host(host)
        if headers.get("connection", "keep-alive").lower() != "keep-alive":
            raise _NotPlain
        self._route = route
        self._length = length

    def _check_host(self, host: str | None) -> None:
        if host is None or not self._accepts_host(host):
            raise _NotPlain
        self._host = host


def move_to_publish_connection(
    connection: HTTP1Connection,
    response: bytes,
    group: ConnectionGroup,
    endpoint: PublishEndpoint,
    resume: Resume,
) -> bool:
    """Take the socket over from *connection*, and send *response*; return False if that is not possible."""
    stream = connection.stream
    if not group.takes_sockets or group.is_closing or type(stream) is not IOStream or stream.writing():
        return False
    context = cast("Any", connection.context)
    connection.detach()
    stream.set_close_callback(None)
    stream.set_nodelay(True)
    try:
        sock, early = detach_socket(stream)
    except StreamClosedError:
        return True
    PublishConnection(group, sock, endpoint, resume, context).start(response, early)
    return True


class PublishConnection(SocketConnection):
    """The socket of one client that publishes, until it ends or goes back to Tornado."""

    __slots__ = ("_context", "_endpoint", "_parser", "_responses", "_resume", "_uncommitted")

    def __init__(
        self, group: ConnectionGroup, sock: socket, endpoint: PublishEndpoint, resume: Resume, context: Any
    ) -> None:
        super().__init__(group, sock)
        self._endpoint = endpoint
        self._resume = resume
        self._context = context
        self.address = share_of(str(context.remote_ip))
        self._parser = PublishParser(endpoint, endpoint.hosts.check_for(context))
        self._decoder = cast("Decoder", self._parser)  # its items are publishes: see _on_other()
        self._responses = ResponseQueue(self)
        self._uncommitted = 0

    def start(self, response: bytes, early: bytes) -> None:
        """Send *response*, and serve what has been read already, *early*."""
        self.group.count(self)
        probe_when_idle(self._socket, self.group.ping_seconds)
        self._responses.put(response)
        self._timer = self.group.loop.call_later(IDLE_SECONDS, self._check_idle)
        if early:
            self.on_bytes(early)

    def on_bytes(self, data: bytes) -> None:
        """Serve the publishes that *data* completes."""
        super().on_bytes(data)
        if not self.is_paused:
            self._advance()

    def on_end(self) -> None:
        """Handle the end of what the client sends; it may still wait for responses that are due."""
        is_owed = self._state == OPEN and (self._uncommitted or not self.is_empty)
        if is_owed and not self._has_ended and self._stops_reading():
            self._has_ended = True
            self._advance()
        else:
            self.abort()

    @property
    def is_expendable(self) -> bool:
        """Whether it is between two publishes."""
        return not self.heard and not self._uncommitted and self.is_empty and not self._parser.partial_bytes

    def has_stalled(self) -> bool:
        """Whether a request had begun at the last call already, and is not whole."""
        begun = self._parser.count if self._parser.partial_bytes else -1
        is_same = begun == self._begun_at_check >= 0
        self._begun_at_check = begun
        return is_same

    def end_stalled(self) -> None:
        """End with 408."""
        if self._state == OPEN:
            self._responses.put(self._endpoint.timed_out())
            self._state = ENDING
            self._end_when_written()

    def make_room(self) -> None:
        """End now: no request waits for a response."""
        self.abort()

    def drop_input(self, reason: str) -> None:
        """End, and release what has been received."""
        self.abort()

    def on_drained(self) -> None:
        """Continue after a backlog."""
        super().on_drained()
        self._advance()

    def abort(self) -> None:
        """End the connection now. Idempotent."""
        self._parser.close()
        super().abort()

    def _handle(self, messages: Sequence[Received], now: float) -> None:
        """Serve *messages*, as far as the tokens of the client's address go."""
        self.allowance = self._endpoint.allowance_of(self._context)
        super()._handle(messages, now)

    def _refuses(self, message: Any) -> bool:
        """Respond that a request is above the rate; return False if it has to wait instead."""
        assert self.allowance is not None
        if not self.allowance.may_warn():
            return False
        self._responses.put(self._endpoint.encode(self._endpoint.excess(self.allowance)))
        return True

    def _on_other(self, received: Any) -> None:
        """Serve *received*, a :class:`PublishRequest`, unless one before it has to wait."""
        if self._state != OPEN or self._parser.has_stopped:
            return
        request: PublishRequest = received
        endpoint = self._endpoint
        try:
            response, commit = endpoint.serve(
                request.route, request.headers, request.body, self._context, self.allowance
            )
        except MustWait:  # it waits on Tornado's connection
            self._parser.stop_before(request)
            return
        if commit is None:
            self._responses.put(endpoint.encode(response))
        else:
            self._uncommitted += 1
            self._responses.put_late(commit, partial(self._on_commit, response))
        log.debug("%d POST %s", response.status, request.route.path)

    def _read_again(self) -> None:
        super()._read_again()
        self._advance()

    def _on_commit(self, response: Response, failure: BaseException | None) -> bytes:
        self._uncommitted -= 1
        self.group.loop.call_soon(self._advance)  # after the response, which is not in the outbox yet
        return self._endpoint.encode(response if failure is None else self._endpoint.not_saved(response))

    # How it goes back, or ends

    def _advance(self) -> None:
        """Go back to Tornado, or end, where that is due and all earlier responses are out."""
        if self._state != OPEN or self._held or self._undecoded:
            return
        rest = self._parser.rest
        if rest is not None:
            self._return_when_settled(rest)
        elif self._has_ended and not self._uncommitted:
            self._state = ENDING
            self._end_when_written()

    def _return_when_settled(self, rest: bytes) -> None:
        if not self._uncommitted:
            self.flush()
            if self.is_empty and self._state == OPEN:
                self._return_to_tornado(rest)
                return
        if len(rest) > UNREAD_BYTES:
            self.abort()

    def _return_to_tornado(self, rest: bytes) -> None:
        self._state = CLOSED
        if self._timer is not None:
            self._timer.cancel()
        self.group.forget(self)
        self.group.poller.forget(self._socket.fileno())
        self._resume(ResumedStream(self._socket, rest), self._context.address)

    def _check_idle(self) -> None:
        if self._state == OPEN and (self.heard or self._pause or self._uncommitted):
            self.heard = False
            self._timer = self.group.loop.call_later(IDLE_SECONDS, self._check_idle)
        elif self._state in (OPEN, ENDING):
            self.abort()


class ResumedStream(IOStream):
    """A stream that yields *early* before what its socket receives."""

    def __init__(self, sock: socket, early: bytes) -> None:
        self._early = early
        super().__init__(sock)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read into *buf*; return the number of bytes, None if nothing has arrived."""
        if not self._early:
            return super().read_from_fd(buf)
        size = min(len(buf), len(self._early))
        buf[:size] = self._early[:size]
        self._early = self._early[size:]
        return size
