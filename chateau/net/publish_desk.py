"""The publish desk: what an HTTP request to publish means, and what it is answered.

It knows the words of HTTP and nothing of connections; :mod:`chateau.net.publishing` and
:mod:`chateau.net.publisher` carry requests here and answers away. What may be published is
:mod:`chateau.protocols.channels`' matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

from tornado.httputil import HTTPHeaders, format_timestamp

from chateau import __version__
from chateau.hub.errors import AccessDenied, HubError, InvalidName, Unavailable
from chateau.protocols.errors import Internal, TooLarge

if TYPE_CHECKING:
    from chateau.hub.hub import PublicationReceipt
    from chateau.hub.ports import Commit
    from chateau.protocols.channels import BulkReceipt, ChannelsProtocol

log = logging.getLogger(__name__)

AddressOf = Callable[[Any, HTTPHeaders], str]
"""The client's address, from Tornado's context of its connection and the headers of its request."""

AllowsOrigin = Callable[[str], bool]
"""Whether pages of another origin than the server's own may come in."""

LENGTH_DIGITS = 18
"""Digits of a body's length that are read; with more of them it is too long by far."""

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


class Errand(NamedTuple):
    """What a request for *path* wants: to publish to the channel *name*, or to all that its body names.

    The name is as it stands in the path, in percent-encoding; *query* is what follows the path.
    """

    path: str
    name: str | None
    query: str


class Answer(NamedTuple):
    """*status*, and the header lines, each with its end, that are this answer's own."""

    status: int
    lines: bytes


class PublishDesk:
    """Publishes for HTTP, once a server."""

    def __init__(
        self,
        channels: ChannelsProtocol,
        *,
        url_prefix: str,
        address_of: AddressOf,
        allows_origin: AllowsOrigin,
        clock: Callable[[], float],
    ) -> None:
        """*allows_origin* is asked about pages of other origins; *clock* returns seconds since 1970, UTC."""
        self.max_body = channels.max_frame
        self.served = 0  # requests to publish, whatever became of them
        self._channels = channels
        self._address_of = address_of
        self._allows_origin = allows_origin
        self._clock = clock
        self._channel_path = url_prefix + "/channel/"
        self._broadcast_paths = (url_prefix + "/broadcast", url_prefix + "/broadcast/")
        self._second = -1
        self._date = b""

    def errand(self, method: str, target: str) -> Errand | None:
        """What a request wants here; None where it is for somebody else."""
        path, _, query = target.partition("?")
        if method == "POST" and path.startswith(self._channel_path):
            name = path[len(self._channel_path) :].removesuffix("/")
            return Errand(path, name, query) if "/" not in name else None
        return Errand(path, None, query) if path in self._broadcast_paths else None

    def serve(
        self, errand: Errand, headers: HTTPHeaders, body: bytes, context: Any
    ) -> tuple[Answer, Commit | None]:
        """Do the *errand*. Its answer holds once the commit is done; :func:`not_kept` where that fails."""
        self.served += 1
        try:
            receipt = self._publish(errand, headers, body, context)
        except HubError as error:
            return refusal(error), None
        except Exception:
            log.exception("a publish failed")
            return refusal(Internal()), None
        return Answer(201, b"X-Delivered: %d\r\n" % receipt.delivered), receipt.commit

    def too_large(self) -> Answer:
        """The answer to a body that is too long to be looked at."""
        return refusal(TooLarge(f"A body may have {self.max_body} bytes."))

    def written(self, answer: Answer, connection: bytes = b"") -> bytes:
        """*answer* in bytes, with the header line *connection* where one is given."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._date = date_line(second)
        return bytes_of(answer, self._date, connection)

    def _publish(
        self, errand: Errand, headers: HTTPHeaders, body: bytes, context: Any
    ) -> PublicationReceipt | BulkReceipt:
        channels = self._channels
        self._check_origin(headers)
        address = self._address_of(context, headers)
        password = _password(errand.query, headers)
        key = header(headers, "Idempotency-Key")
        if errand.name is None:
            return channels.broadcast_all(body, address=address, password=password, key=key)
        name, kind = decoded_name(errand.name), header(headers, "Package-Type")
        return channels.publish(name, kind, body, address=address, password=password, key=key)

    def _check_origin(self, headers: HTTPHeaders) -> None:
        """Refuse what a page of another origin has a browser send, unless that origin is allowed."""
        origin = header(headers, "Origin")
        if origin is None or header(headers, "Sec-Fetch-Site") in _SAME_SITE:
            return
        if origin.partition("://")[2] != header(headers, "Host") and not self._allows_origin(origin):
            raise AccessDenied("Pages of this origin may not publish here.")


_SAME_SITE = ("same-origin", "none")


def remote_ip(context: Any, headers: HTTPHeaders) -> str:  # noqa: ARG001 - a proxy is not believed
    """The address that the connection comes from."""
    return str(context.remote_ip)


def refusal(error: HubError) -> Answer:
    """The answer to what was refused with *error*."""
    # As a header may hold it: printable ASCII, all else as Python escapes it.
    reason = str(error).encode("unicode_escape")
    return Answer(STATUSES.get(error.code, 400), b"X-Error: %b\r\n" % reason)


def not_kept() -> Answer:
    """The answer to a publish whose commit failed."""
    return refusal(Unavailable("A publication was delivered but could not be saved."))


def header(headers: HTTPHeaders, name: str) -> str | None:
    """The header's value. ``headers.get`` finds out what is missing by an exception, in 1 µs."""
    values = headers.get_list(name)
    return ",".join(values) if values else None


def body_length(headers: HTTPHeaders) -> int | None:
    """The body's length in bytes as ``Content-Length`` has it; None where there is none, or no number."""
    value = header(headers, "Content-Length") or ""
    if not value.isascii() or not value.isdecimal():
        return None
    return int(value) if len(value) <= LENGTH_DIGITS else 10**LENGTH_DIGITS


def decoded_name(name: str) -> str:
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


def _password(query: str, headers: HTTPHeaders) -> str | None:
    """What the query calls ``pwd``, else the Bearer token."""
    if query:
        given = parse_qs(query, keep_blank_values=True).get("pwd")
        if given is not None:
            return given[0]
    return bearer_token(headers)


def bearer_token(headers: HTTPHeaders) -> str | None:
    """The key that ``Authorization: Bearer KEY`` gives; None where there is no such header."""
    scheme, _, token = (header(headers, "Authorization") or "").partition(" ")
    return token.strip().encode("latin-1").decode(errors="replace") if scheme.lower() == "bearer" else None


def date_line(second: int) -> bytes:
    """The header line that says that it is *second*, since 1970 in UTC."""
    return f"Date: {format_timestamp(second)}\r\n".encode()


def bytes_of(answer: Answer, date: bytes, connection: bytes = b"") -> bytes:
    """*answer* in bytes, with the header lines *date* and *connection*."""
    status, lines = answer
    return b"%b%b%b%b\r\n%b" % (_HEADS[status], date, lines, connection, BODIES[status])


def _head(status: int) -> bytes:
    """What every answer with *status* begins with."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Server: Chateau/{__version__}",
        "X-Content-Type-Options: nosniff",
        "Content-Type: application/json",
        f"Content-Length: {len(BODIES[status])}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


_HEADS = {status: _head(status) for status in BODIES}
