"""Streams: the bytes of one TCP or TLS connection.

Writes are sent at once (asyncio sets TCP_NODELAY), so that two writes with a pause between them are two
segments. The owner of a stream interprets the bytes.
"""

import asyncio
import os
import re
import socket
import ssl
import struct
from typing import Protocol

from chateau.client.transports.target import Address, Refused, tls_context

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds
_ERRNO = re.compile(r"\[Errno (\d+)\]")


class StreamOwner(Protocol):
    """Receives the events of a stream. Its methods must not raise."""

    def connected(self) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def data_ended(self, error: Exception | None) -> None:
        """Handle the end: the server closed its side, or the connection is lost. May be called twice."""


class Stream(asyncio.Protocol):
    """A connection to a server, once :meth:`connect` has returned."""

    def __init__(self, owner: StreamOwner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._flushed = asyncio.Event()
        self._flushed.set()

    async def connect(self, address: Address, local_address: str | None = None) -> None:
        """Connect; the owner may receive data before this returns. Raises :class:`Refused`."""
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self,
                address.host,
                address.port,
                ssl=tls_context() if address.is_secure else None,
                local_addr=(local_address, 0) if local_address else None,
            )
        except (OSError, UnicodeError) as exc:
            raise Refused(_reason(exc, address.host)) from exc

    @property
    def was_connected(self) -> bool:
        return self._transport is not None

    @property
    def is_connected(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def can_half_close(self) -> bool:
        return self._transport is not None and self._transport.can_write_eof()

    @property
    def unread_bytes(self) -> int:
        """Return the number of bytes that were written and not sent yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def flush(self) -> None:
        """Wait until all bytes are passed to the kernel, or the connection is lost."""
        if not self._flushed.is_set():
            await self._flushed.wait()

    def write_eof(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Close both sides, once all bytes are sent."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Close both sides now, and discard unsent bytes."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Close with a TCP reset."""
        if self._transport is None or self._transport.is_closing():
            return
        tcp: socket.socket = self._transport.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # so that flush() waits for all bytes
        self._owner.connected()

    def data_received(self, data: bytes) -> None:
        self._owner.data_received(data)

    def eof_received(self) -> None:
        self._owner.data_ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flushed.set()
        self._owner.data_ended(exc)

    def pause_writing(self) -> None:
        self._flushed.clear()

    def resume_writing(self) -> None:
        self._flushed.set()


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
