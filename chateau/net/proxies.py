"""Trusted proxies: the client's address and scheme behind a reverse proxy.

A proxy names its client in ``X-Forwarded-For`` or ``Forwarded`` (RFC 7239), and the client's scheme in
``X-Forwarded-Proto`` or ``Forwarded``. So can anybody else. The headers count if the connection comes from a
trusted proxy; of their addresses, the client's is the last one that is not a trusted proxy's. Proxies write
addresses with ports, brackets and quotation marks, or replace them by ``unknown`` and ``_names``: what cannot
be read ends the search at the proxy that sent it, and is logged once.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chateau.hub.access import Networks, parsed_address, parsed_network
from chateau.net.log_limits import LogLimit, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)

UNIX = "unix"
UNIX_ADDRESS = "0.0.0.0"  # the address that Tornado gives to clients of a UNIX socket
FORWARDED_FOR = "x-forwarded-for"
FORWARDED_PROTO = "x-forwarded-proto"
FORWARDED = "forwarded"
PROXY_HEADERS = ("via", FORWARDED, FORWARDED_FOR)
"""Headers of which proxies add at least one."""

SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_BRACKETED = re.compile(rf"\[([^\]]+)\]{_PORT}")
_IPV4 = re.compile(rf"([0-9.]+){_PORT}")
_PAIR = re.compile(r'\s*([A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*')


HOPS: Final = 100
"""Maximum number of addresses in one header that are looked at, the nearest ones."""

HOP_CHARACTERS: Final = 300
"""Maximum length of what one proxy adds to a header. A longer text cannot be read."""


class Hop(NamedTuple):
    """What one proxy wrote about the one before it: its address and scheme, or None if there is none."""

    address: str | None
    scheme: str | None = None


class Client(NamedTuple):
    """The client's *address*, and its *scheme* if the header has it.

    *place* counts the hops from the end, from 1; it is 0 if the address is that of the connection.
    """

    address: str
    place: int = 0
    scheme: str | None = None


class TrustedProxies:
    """The proxies that are trusted: addresses, ranges, and ``unix`` for all clients of a UNIX socket."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._networks = Networks()
        self._log_limit = LogLimit(math.inf)
        for proxy in proxies:
            self._networks.add(parsed_network(UNIX_ADDRESS if proxy == UNIX else proxy))

    def is_trusted(self, remote: str) -> bool:
        """Return whether *remote* is the address of a trusted proxy."""
        return plain(remote) in self._networks

    def client_address(self, remote: str, headers: Mapping[str, str]) -> str:
        """Return the address of the client whose request came from *remote* with *headers*."""
        address = plain(remote)
        if address not in self._networks:
            return address
        return self._client(address, headers).address

    def is_proxy(self, context: Any) -> bool:
        """Return whether the connection with this *context* is a trusted proxy's."""
        return self.is_trusted(context.remote_ip)

    def is_direct(self, remote: str, headers: Mapping[str, str]) -> bool:
        """Return whether a request from *remote* with *headers* came without a proxy that shows itself."""
        return not self.is_trusted(remote) and not any(name in headers for name in PROXY_HEADERS)

    def address_of(self, context: Any, headers: Mapping[str, str]) -> str:
        """Return the same for a request that is known by the *context* of its connection."""
        return self.client_address(context.remote_ip, headers)

    def scheme_of(self, context: Any, headers: Mapping[str, str]) -> str:
        """Return the scheme that the client of a request uses, ``http`` or ``https``.

        *context* is that of the connection, which does not change with the requests on it.
        """
        own = str(context._orig_protocol)  # noqa: SLF001 - Tornado's own copy
        proxy = plain(context.remote_ip)
        if proxy not in self._networks:
            return own
        client = self._client(proxy, headers)
        if FORWARDED_PROTO in headers:
            listed = headers[FORWARDED_PROTO].split(",")
            count = headers.get(FORWARDED_FOR, "").count(",") + 1
            # One scheme for each address, otherwise that of the client is the first.
            text = listed[-client.place] if client.place and len(listed) == count else listed[0]
            scheme = SCHEMES.get(_unquoted(text).lower())
            if scheme is None:
                self._report(proxy, FORWARDED_PROTO, text)
        elif FORWARDED in headers:
            scheme = client.scheme or forwarded_hop(headers[FORWARDED].partition(",")[0]).scheme
        else:
            scheme = None
        return own if scheme is None else scheme

    def _client(self, proxy: str, headers: Mapping[str, str]) -> Client:
        """Return the last client in *headers* that is not a trusted proxy, behind the proxy at *proxy*."""
        client = Client(proxy)
        header = next((name for name in READERS if name in headers), None)
        if header is None or not headers[header]:
            return client
        for place, text in enumerate(reversed(headers[header].split(",")[-HOPS:]), 1):
            hop = READERS[header](text)
            if hop.address is None:
                self._report(client.address, header, text)
                return client
            client = Client(hop.address, place, hop.scheme)
            if hop.address not in self._networks:
                return client
        return client

    def _report(self, proxy: str, header: str, text: str) -> None:
        """Log that the proxy at the address *proxy* wrote *text*: once for each header of each proxy."""
        if self._log_limit.allows(f"{proxy} {header}"):
            log.info(
                "the trusted proxy %s sends a header %s that cannot be read: %s; it is ignored",
                proxy,
                header,
                shown(repr(text)),
            )


def forwarded_for_hop(text: str) -> Hop:
    """Return the hop in *text*, an item of ``X-Forwarded-For``."""
    return Hop(node_address(text))


def forwarded_hop(text: str) -> Hop:
    """Return the hop in *text*, an element of ``Forwarded``.

    The elements are split at every comma, also at one in a quoted string: no address has one, and so a
    client that opens a quotation mark cannot hide what the proxy adds.
    """
    if len(text) > HOP_CHARACTERS:
        return Hop(None)
    values = {match[1].lower(): match[2] for part in text.split(";") if (match := _PAIR.fullmatch(part))}
    scheme = SCHEMES.get(_unquoted(values.get("proto", "")).lower())
    return Hop(node_address(values.get("for", "")), scheme)


READERS: Final[dict[str, Callable[[str], Hop]]] = {
    FORWARDED_FOR: forwarded_for_hop,
    FORWARDED: forwarded_hop,
}
"""How an item of each header is read. If a request has both, the first one counts."""


def node_address(text: str) -> str | None:
    """Return the address in *text*, which may have a port, brackets, a zone and quotation marks, or None."""
    if len(text) > HOP_CHARACTERS:
        return None
    node = _unquoted(text)
    match = _BRACKETED.fullmatch(node) or _IPV4.fullmatch(node)
    parsed = parsed_address((match[1] if match else node).partition("%")[0])
    return None if parsed is None else str(parsed)


def plain(address: str) -> str:
    """Return *address* as it is compared and shown: an IPv4 address inside an IPv6 one becomes IPv4."""
    if ":" not in address:
        return address
    parsed = parsed_address(address)
    return address if parsed is None else str(parsed)


def _unquoted(text: str) -> str:
    """Return *text* without spaces around it, and without quotation marks and their escapes."""
    stripped = text.strip()
    if len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
        return re.sub(r"\\(.)", r"\1", stripped[1:-1]).strip()
    return stripped
