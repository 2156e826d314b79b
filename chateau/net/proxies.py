"""Trusted proxies: the client's address behind a reverse proxy.

A proxy names its client in ``X-Forwarded-For``, and so can anybody else. The header counts if the connection
comes from a trusted proxy; of its addresses, the client's is the last one that is not a trusted proxy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub.access import Networks, parsed_address, parsed_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNIX = "unix"
UNIX_ADDRESS = "0.0.0.0"  # the address that Tornado gives to clients of a UNIX socket
FORWARDED_FOR = "x-forwarded-for"
PROXY_HEADERS = ("via", "forwarded", FORWARDED_FOR)
"""Headers of which proxies add at least one."""


class TrustedProxies:
    """The proxies that are trusted: addresses, ranges, and ``unix`` for all clients of a UNIX socket."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._networks = Networks()
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
        for text in reversed(headers.get(FORWARDED_FOR, "").split(",")):
            parsed = parsed_address(text.strip())
            if parsed is None:
                return address
            address = str(parsed)
            if address not in self._networks:
                return address
        return address

    def is_proxy(self, context: Any) -> bool:
        """Return whether the connection with this *context* is a trusted proxy's."""
        return plain(context.remote_ip) in self._networks

    def is_direct(self, remote: str, headers: Mapping[str, str]) -> bool:
        """Return whether a request from *remote* with *headers* came without a proxy that shows itself."""
        return plain(remote) not in self._networks and not any(name in headers for name in PROXY_HEADERS)

    def address_of(self, context: Any, headers: Mapping[str, str]) -> str:
        """Return the same for a request that is known by the *context* of its connection."""
        return self.client_address(context.remote_ip, headers)


def plain(address: str) -> str:
    """Return *address* as it is compared and shown: an IPv4 address inside an IPv6 one becomes IPv4."""
    if ":" not in address:
        return address
    parsed = parsed_address(address)
    return address if parsed is None else str(parsed)
