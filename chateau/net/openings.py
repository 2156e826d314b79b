"""Openings: which protocol a client uses, by the first bytes that it sends. No I/O.

Each port has one protocol, and clients of another one end up there: a browser on the port for lines, because
a web page may send HTTP requests to any address; a TLS client on a port without TLS; telnet on the port for
HTTP. They are recognized before anything that they send takes effect.
"""

from __future__ import annotations

import re
from typing import Final

TLS: Final = "TLS"
HTTP: Final = "HTTP"
UTF_16: Final = "UTF-16"
LINES: Final = "lines"
UNDECIDED: Final = "undecided"

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_STARTS = (
    # A record of a handshake (RFC 8446, section 5.1), or the hello of SSLv2 (RFC 5246, appendix E.2).
    (TLS, re.compile(rb"\x16\x03[\x00-\x04]|[\x80-\xbf][^\n]\x01(?:\x03[\x00-\x04]|\x00\x02)")),
    # As telnet, the first would be DONT with an option, and NUL.
    (UTF_16, re.compile(rb"\xff\xfe.\x00|\xfe\xff\x00.", re.DOTALL)),
)
_BEGUN = re.compile(
    rb"|\x16\x03?|[\x80-\xbf](?:[^\n](?:\x01[\x00\x03]?)?)?|\xff(?:\xfe.?)?|\xfe(?:\xff\x00?)?", re.DOTALL
)
"""The proper beginnings of the starts. None of them contains the end of a line."""

_REQUEST_LINE = re.compile(
    rb"\s*[-!#$%&'*+.^_`|~0-9a-z]+[ \t]+"  # the method
    rb"(?:/|\*(?=[ \t])|[a-z][-+.a-z0-9]*:|[^\s/:]+:[0-9]|\[[0-9a-f:.]+\]:).*"  # the target, in all its forms
    rb"[ \t]HTTP/[0-9]+(?:\.[0-9]+)?\s*",
    re.IGNORECASE | re.DOTALL,
)
"""A request line of HTTP (RFC 9112, section 3; RFC 9113, section 3.4), read leniently."""


_RESEMBLES_REQUEST = re.compile(rb"HTTP/|^[a-z]+[ \t]+/", re.IGNORECASE)

LINE_BYTES: Final = 8_192
"""Up to so many bytes the first line is awaited on a port for HTTP."""

_IAC: Final = b"\xff"  # of telnet; a start of UTF-16 has it, too


def may_be_start(data: bytes) -> bool:
    """Return whether more bytes are needed to recognize what starts with *data*."""
    return _BEGUN.fullmatch(data) is not None


def start_of(data: bytes) -> str | None:
    """Return the protocol or encoding that starts with *data*: :data:`TLS` or :data:`UTF_16`, else None."""
    return next((name for name, pattern in _STARTS if pattern.match(data)), None)


def is_request_line(line: bytes) -> bool:
    """Return whether *line*, without its end, is the request line of an HTTP request."""
    return _REQUEST_LINE.fullmatch(line) is not None


def opening_for_http(data: bytes) -> str:
    """Return what a client uses on a port for HTTP whose first bytes are *data*.

    It is :data:`UNDECIDED` while the first line has not ended. Whatever resembles a request is :data:`HTTP`.
    """
    if data.startswith(_IAC):
        return LINES
    if may_be_start(data):
        return UNDECIDED
    kind = start_of(data)
    if kind is not None:
        return kind
    begun = data.lstrip()
    line, end, _ = begun.partition(b"\n")
    if not end:
        return UNDECIDED if len(begun) <= LINE_BYTES else HTTP
    return HTTP if _RESEMBLES_REQUEST.search(line) else LINES


def is_blank(line: bytes) -> bool:
    """Return whether *line* has nothing but white space."""
    return not line.decode(errors="replace").strip()
