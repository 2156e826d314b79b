"""Clients on a port for HTTP that do not use it: TLS where there is none, none where it is needed, lines.

Tornado waits for the end of a head that never comes, or closes without a word. Here such a client gets a 400,
which most programs display, and time to read it.
"""

from __future__ import annotations

import logging
import socket
import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import ref

from tornado.iostream import SSLIOStream

from chateau.net import openings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.iostream import IOStream

log = logging.getLogger(__name__)

LINGER_SECONDS: Final = 1.0
"""How long a rejected client is read, so that a TCP reset does not discard the response."""

NO_TLS: Final = "This port is without TLS, and this is a TLS handshake; use http:// or ws://."
NEEDS_TLS: Final = "This port is for TLS, and this is not a TLS handshake; use https:// or wss://."
NO_LINES: Final = (
    "This port is for HTTP and WebSocket, and this is neither; lines of text are for --lines-port."
)

_REASONS = {openings.TLS: NO_TLS, openings.LINES: NO_LINES, openings.UTF_16: NO_LINES}

_SSL_2 = range(0x80, 0xC0)
_HANDSHAKE = frozenset((0x16, *_SSL_2))
"""The first bytes of handshakes; what follows is checked by OpenSSL."""


def watch_opening(stream: IOStream, address: Any) -> None:
    """Respond with 400 to the client at *address* if it does not use HTTP on *stream*, and close it.

    Until the first line is known, each read is looked at: usually one.
    """
    whence = str(address[0]) if isinstance(address, tuple) else "the UNIX socket"
    if isinstance(stream, SSLIOStream):
        cast("Any", stream.socket).do_handshake = partial(_shake_hands, ref(stream), whence)
    stream.read_from_fd = partial(_read, ref(stream), _FirstBytes(whence))  # type: ignore[method-assign]


class _FirstBytes:
    """What is known of a client so far."""

    __slots__ = ("data", "is_rejected", "whence")

    def __init__(self, whence: str) -> None:
        self.whence = whence
        self.data = b""
        self.is_rejected = False


def _read(stream_ref: ref[IOStream], first: _FirstBytes, buf: bytearray | memoryview) -> int | None:
    """Read into *buf*; return the number of bytes, or None if nothing has arrived that is to be served."""
    stream = cast("IOStream", stream_ref())
    size = type(stream).read_from_fd(stream, buf)
    if not size:
        return size
    if first.is_rejected:
        return None
    first.data += bytes(buf[:size])
    opening = openings.opening_for_http(first.data)
    if opening == openings.HTTP:
        del stream.read_from_fd
    elif opening != openings.UNDECIDED:
        first.is_rejected = True
        is_plain = not isinstance(stream, SSLIOStream)
        _reject(stream, first.whence, _REASONS[opening], stream.socket.send, is_plain=is_plain)
        return None
    return size


def _shake_hands(stream_ref: ref[SSLIOStream], whence: str) -> None:
    """Continue the handshake, unless the first byte shows that there is none."""
    stream = cast("SSLIOStream", stream_ref())
    sock = cast("Any", stream.socket)
    data = _peek(sock)
    if data and data[0] not in _HANDSHAKE:
        _reject(stream, whence, NEEDS_TLS, partial(socket.socket.send, sock), is_plain=True)
        sock.do_handshake = partial(_drain, ref(sock))
        _drain(ref(sock))
    if data:
        del sock.do_handshake  # the method of its class is next
    type(sock).do_handshake(sock)


def _peek(sock: socket.socket) -> bytes:
    """Return the first byte, if it has arrived. Errors are left to the next call that reads."""
    try:
        return socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except OSError:
        return b""


def _drain(sock_ref: ref[socket.socket]) -> None:
    """Drop what a rejected client sends.

    Raises:
        SSLError: as a handshake does that waits for the client, or whose client is gone.
    """
    sock = cast("socket.socket", sock_ref())
    try:
        while socket.socket.recv(sock, 65_536):
            pass
    except BlockingIOError:
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "waiting for the client") from None
    except OSError as exc:
        raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the client is gone") from exc
    raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the client is gone")


def _reject(
    stream: IOStream, whence: str, reason: str, send: Callable[[bytes], int], *, is_plain: bool
) -> None:
    """Respond with *reason*, and close *stream* once the client has had time to read it."""
    log.info("the client at %s is disconnected: %s", whence, reason)
    body = f"{reason}\n".encode()
    with suppress(OSError):
        send(
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=UTF-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        if is_plain:  # TLS has no half-close that all clients support
            socket.socket.shutdown(stream.socket, socket.SHUT_WR)
    stream.io_loop.call_later(LINGER_SECONDS, stream.close)
