"""Targets: the URL and the options of a connection, how to connect to it, and the errors of connecting."""

import json
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote, urlsplit

DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443, "tcp": None, "tls": None}
SECURE = frozenset({"wss", "https", "tls"})
MAX_REASON_CHARACTERS = 200  # of the body of a response that rejected the handshake
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})\b")

T = TypeVar("T")


class CannotConnect(Exception):
    """There is no connection; ``status`` is the HTTP status with which the server rejected it, if any."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"cannot connect to {url}: {reason}")
        self.reason = reason
        self.status = status


class ConnectionClosed(Exception):
    """Nothing can be sent any more."""


class NotPossible(ConnectionClosed):
    """This kind of connection does not support the operation, open or not."""


class RequestFailed(Exception):
    """The server accepted an HTTP request and did not send a whole response."""


class Refused(Exception):
    """A handshake failed; :func:`open_connection` raises :class:`CannotConnect` from it."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """A server, for one client.

    ``url`` begins with ``ws``, ``wss``, ``tcp``, ``tls``, ``http`` or ``https``; ``headers`` are sent with
    the handshake; ``local_address`` is the address to connect from; ``line_end`` is the only end of line
    accepted from the server, if given.
    """

    protocol: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    local_address: str | None = None
    line_end: str | None = None


def open_payload(target: Target) -> bytes:
    """Return the payload of an ``open`` entry, from which a replay connects again."""
    options = {"headers": target.headers, "from": target.local_address}
    given = {name: value for name, value in options.items() if value}
    return json.dumps({"protocol": target.protocol, "url": target.url, **given}, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a URL that are needed to connect."""

    scheme: str
    host: str
    port: int
    resource: str  # path and query, as in a request line

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def address_of(url: str) -> Address:
    """Parse *url*.

    Raises:
        CannotConnect: it is invalid.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise CannotConnect(url, f"this is not a URL: {exc}") from exc
    if parts.scheme not in DEFAULT_PORTS:
        raise CannotConnect(url, f"a URL begins with one of {', '.join(DEFAULT_PORTS)}")
    port = port or DEFAULT_PORTS[parts.scheme]
    if not parts.hostname or not port:
        raise CannotConnect(url, f"the URL has no {'port' if parts.hostname else 'host'}")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~[]")
    query = f"?{quote(parts.query, safe='/?%:@!$&*+,;=-._~[]')}" if parts.query else ""
    return Address(parts.scheme, parts.hostname, port, path + query)


async def connect(
    opener: Callable[..., Awaitable[T]], address: Address, local_address: str | None = None
) -> T:
    """Return what *opener*, a function of asyncio that opens connections, returns for *address*.

    Certificates are checked; SSL_CERT_FILE and SSL_CERT_DIR apply.

    Raises:
        Refused: there is no connection.
    """
    certificates = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        return await opener(
            host=address.host,
            port=address.port,
            ssl=_tls_context(*certificates) if address.scheme in SECURE else None,
            local_addr=(local_address, 0) if local_address else None,
        )
    except (OSError, UnicodeError) as exc:
        raise Refused(_reason(exc, address.host)) from exc


@cache  # reading the certificates takes longer than a thousand handshakes
def _tls_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def _reason(error: Exception, host: str) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"the TLS handshake failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
        case socket.gaierror():
            return f"the host {host} is not known"
        case UnicodeError():
            return f"{host[:60]} is not a valid host name"
        case ConnectionResetError() | ConnectionAbortedError():
            return "the server ended the connection during the handshake"
    numbers = {int(number) for number in _ERRNO.findall(str(error))} or {getattr(error, "errno", None) or 0}
    words = " and ".join(os.strerror(number).lower() for number in sorted(numbers) if number)
    return words if words and "bind" not in str(error) else str(error)


def rejected(status: int, body: bytes) -> Refused:
    """Return the error for an HTTP response that rejects the handshake."""
    text = body.decode("utf-8", "backslashreplace").strip()[:MAX_REASON_CHARACTERS]
    try:
        words = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        words = str(status)
    return Refused(f"the server responds with {words if text in {'', words} else f'{words}: {text}'}", status)


def rejected_by(received: bytes) -> Refused | None:
    """Return the error for the beginning of an HTTP response, if it rejects the handshake."""
    if (found := _STATUS_LINE.match(received)) is None or (status := int(found[1])) < 200:
        return None
    return rejected(status, received.partition(b"\r\n\r\n")[2])


def closed_early(has_begun: bool) -> str:
    """Return the sentence for a connection that the server closed before a whole response."""
    how = "before its response was complete" if has_begun else "without a response"
    return f"the server closed the connection {how}"


def excerpt(payload: bytes, characters: int = 60) -> str:
    """Return the beginning of *payload*, for an error text."""
    text = payload[: 4 * characters].decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= characters else text[:characters] + "…")
