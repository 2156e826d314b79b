"""Targets: where a wire leads, and how it is spoken there."""

import os
import ssl
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlsplit

from chateau.client.transports.errors import CannotConnect

DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443, "tcp": None, "tls": None}
SECURE = frozenset({"wss", "https", "tls"})


@dataclass(frozen=True, slots=True)
class Target:
    """A server, for one client.

    ``url`` begins with ``ws``, ``wss``, ``tcp``, ``tls``, ``http`` or ``https``; ``headers`` go with the
    handshake; ``local_address`` is the one to connect from; ``line_end`` is what the server's lines have to
    end with, where that matters.
    """

    protocol: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    local_address: str | None = None
    line_end: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """What a URL comes to on the network."""

    scheme: str
    host: str
    port: int
    resource: str  # path and query, as a request line has them

    @property
    def is_secure(self) -> bool:
        return self.scheme in SECURE

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def address_of(url: str) -> Address:
    """The address that *url* is.

    Raises:
        CannotConnect: it is none.
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


def tls_context() -> ssl.SSLContext:
    """What a certificate is checked with; SSL_CERT_FILE and SSL_CERT_DIR count, as everywhere."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache  # reading the certificates takes longer than a thousand handshakes
def _tls_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()
