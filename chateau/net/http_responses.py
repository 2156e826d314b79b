"""Responses as bytes, for everything that is served without a handler of Tornado's.

Publishes have these responses, and so have requests that the server cannot read at all: see
:mod:`chateau.net.http_server`. The body is a JSON string; the header ``X-Error`` has the reason for an error.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from tornado.httputil import format_timestamp

from chateau import __version__
from chateau.protocols.errors import HTTP_STATUSES, TooManyRequests

if TYPE_CHECKING:
    from chateau.hub.errors import HubError

BODIES = {
    201: b'"OK"',
    400: b'"Bad request"',
    403: b'"Not authorized"',
    405: b'"Method not allowed"',
    408: b'"Timed out"',
    413: b'"Too large"',
    414: b'"Target too long"',
    415: b'"Unsupported media type"',
    429: b'"Too many requests"',
    431: b'"Headers too large"',
    500: b'"Internal error"',
    503: b'"Unavailable"',
}
"""The body of each response, by its status."""

STATUSES = {code: status for code, status in HTTP_STATUSES.items() if status in BODIES}
"""HTTP status by error code; 400 for all others."""


RETRY_SECONDS = 60
"""When a client whose request is refused with 429 may try again."""


class Response(NamedTuple):
    """*status*, the header lines, each with its end, that only this response has, and those for browsers."""

    status: int
    lines: bytes
    cors: bytes = b""


def error_response(error: HubError, cors: bytes = b"") -> Response:
    """Return the response to a publish that *error* rejects, with the header lines *cors*."""
    # A header may hold printable ASCII only; all else is escaped as Python does.
    reason = str(error).encode("unicode_escape")
    status = STATUSES.get(error.code, 400)
    seconds = error.retry_seconds if isinstance(error, TooManyRequests) else RETRY_SECONDS
    retry = b"Retry-After: %d\r\n" % seconds if status == 429 else b""
    return Response(status, b"X-Error: %b\r\n%b" % (reason, retry), cors)


def date_line(second: int) -> bytes:
    """Return the ``Date`` header line for *second*, since 1970 in UTC."""
    return f"Date: {format_timestamp(second)}\r\n".encode()


def encode_response(response: Response, date: bytes, connection: bytes = b"") -> bytes:
    """Return *response* as bytes, with the header lines *date* and *connection*."""
    status, lines, cors = response
    return b"%b%b%b%b%b\r\n%b" % (_HEADS[status], date, lines, cors, connection, BODIES[status])


def _head(status: int) -> bytes:
    """Return the beginning of every response with *status*."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Server: Chateau/{__version__}",
        "X-Content-Type-Options: nosniff",
        "Content-Type: application/json",
        f"Content-Length: {len(BODIES[status])}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


_HEADS = {status: _head(status) for status in BODIES}
