"""Host names and origins in their normalized forms, so that every spelling of one is the same text.

The rules are those of browsers (WHATWG URL, sections 3.5 and 4.5; RFC 6454, section 6): letter case does not
count, an international name has its ASCII form, an IPv4 address its four decimal numbers, an IPv6 address
its shortest form, and an origin has neither its default port nor a final slash.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

HOST_LIMIT: Final = 253
"""Maximum length of a host name, in characters (RFC 1035)."""

ORIGIN_LIMIT: Final = 300
"""Maximum length of an origin. Longer texts are not looked at."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

NULL: Final = "null"
"""What a browser sends for a page without an origin, such as a file or a sandboxed frame."""

FILE: Final = "file://"
"""What some browsers send for a page that is a file, in the handshake of a WebSocket."""

LOOPBACK_NAMES: Final = frozenset(("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"))

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)/*")
_OTHER_HOST = re.compile(r"[A-Za-z0-9._~-]+(?::[0-9]{1,5})?")

_NEVER_SENT = frozenset(("ws", "wss", "ftp", "about", "blob", "data", "javascript"))
"""Schemes that no origin of a page has."""


def normalized_host(host: str) -> str:
    """Return *host*, a name or an address without a port, normalized; an IPv6 address has no brackets.

    Raises:
        ValueError: it cannot be a host.
    """
    if not host or len(host) > HOST_LIMIT:
        raise ValueError("a host has 1 to 253 characters")
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1])
    if ":" in host:
        return _ipv6(host)
    name = (host if host.isascii() else _ascii_form(host)).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name)
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    return name


def split_port(authority: str) -> tuple[str, int | None]:
    """Return the normalized host and the port of *authority*, as in ``Host: example.org:8080``.

    Raises:
        ValueError: it is not a host with or without a port.
    """
    if len(authority) > ORIGIN_LIMIT:
        raise ValueError("too long")
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    elif ":" in host and not host.startswith("["):
        raise ValueError("an IPv6 address stands in brackets")
    return normalized_host(host), _port(port)


def normalized_origin(origin: str) -> str:
    """Return *origin* as a browser sends it: ``https://example.org``, ``null`` or ``file://``.

    Raises:
        ValueError: no page can have it.
    """
    if len(origin) > ORIGIN_LIMIT:
        raise ValueError("too long")
    if origin.lower() == NULL:
        return NULL
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise ValueError("an origin is a scheme, :// and a host")
    scheme, authority = match[1].lower(), match[2]
    if scheme == "file" and not authority:
        return FILE
    if scheme == "file" or scheme in _NEVER_SENT:
        raise ValueError("no page has such an origin")
    if scheme not in DEFAULT_PORTS:  # that of an extension or an app: compared as it is
        if _OTHER_HOST.fullmatch(authority) is None:
            raise ValueError("not a host")
        return f"{scheme}://{authority.lower()}"
    host, port = split_port(authority)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS[scheme]) else f":{port}")


def is_own_origin(origin: str, authority: str) -> bool:
    """Return whether *origin*, normalized, is that of the server that a request reached as *authority*.

    The schemes are not compared: a proxy may have ended TLS.
    """
    scheme, _, given = origin.partition("://")
    if scheme not in DEFAULT_PORTS:
        return False
    try:
        return _with_port(given, scheme) == _with_port(authority, scheme)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether *host*, normalized, is this machine, seen from itself."""
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _with_port(authority: str, scheme: str) -> tuple[str, int]:
    host, port = split_port(authority)
    return host, DEFAULT_PORTS[scheme] if port is None else port


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65_535):
        raise ValueError("not a port")
    return int(text)


def _ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError("an address in a URL has no zone")
    return str(IPv6Address(text))


def _ipv4(name: str) -> str:
    """Return the IPv4 address *name*, which may be written as in ``127.1`` or ``0x7f.0.0.1``."""
    try:
        return str(IPv4Address(socket.inet_aton(name)))
    except OSError as exc:
        raise ValueError("not an IPv4 address") from exc


def _ascii_form(name: str) -> str:
    """Return the international *name* as DNS and browsers have it (UTS 46, without transition)."""
    import idna  # its tables take time to load, and few servers need them

    try:
        return idna.encode(name, uts46=True, transitional=False).decode()
    except idna.IDNAError as exc:
        raise ValueError(str(exc)) from exc
