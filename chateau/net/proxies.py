"""Proxies: whose word is taken for where a client is.

A reverse proxy names its client in ``X-Forwarded-For``, and so may anybody else. It counts where the
connection comes from a trusted proxy, and of its addresses the last one that no trusted proxy has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub.access import Networks, parsed_address, parsed_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


UNIX = "unix"
UNIX_ADDRESS = "0.0.0.0"  # what Tornado has for who comes by a UNIX socket
HEADER = "x-forwarded-for"


class TrustedProxies:
    """The proxies that are trusted: addresses, ranges, and ``unix`` for all who come by a UNIX socket."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._networks = Networks()
        for proxy in proxies:
            self._networks.add(parsed_network(UNIX_ADDRESS if proxy == UNIX else proxy))

    def client_address(self, remote: str, headers: Mapping[str, str]) -> str:
        """The address of the client whose request came from *remote* with *headers*."""
        address = plain(remote)
        if address not in self._networks:
            return address
        for text in reversed(headers.get(HEADER, "").split(",")):
            parsed = parsed_address(text.strip())
            if parsed is None:
                return address
            address = str(parsed)
            if address not in self._networks:
                return address
        return address

    def address_of(self, context: Any, headers: Mapping[str, str]) -> str:
        """The same for a request that is known by the *context* of its connection."""
        return self.client_address(context.remote_ip, headers)


def plain(address: str) -> str:
    """*address* as it is compared and shown: an IPv4 address inside an IPv6 one is that IPv4 address."""
    if ":" not in address:
        return address
    parsed = parsed_address(address)
    return address if parsed is None else str(parsed)
