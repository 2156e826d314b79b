"""One side of a proxied connection: a socket, read and written without any buffer of ours.

So a reader that is slow slows down the writer at the other end, and what was sent before a connection broke
can still be read.
"""

import asyncio
import contextlib
import socket
import struct

READ_BYTES = 64 * 1024
GOODBYE_SECONDS = 1.0
CONNECT_SECONDS = 10.0


class Side:
    """The client's side, or the server's."""

    def __init__(self, socket_: socket.socket) -> None:
        self._socket = socket_
        self._unread = b""
        self._has_ended = False
        socket_.setblocking(False)
        with contextlib.suppress(OSError):  # it may be gone already
            socket_.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def read(self) -> bytes:
        """What has come; nothing at the end.

        Raises:
            OSError: the connection broke.
        """
        if unread := self._unread:
            self._unread = b""
            return unread
        await asyncio.sleep(0)  # a socket that always has something must not keep the others from their turn
        return await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)

    def unread(self, received: bytes) -> None:
        """Have the next :meth:`read` return *received* first."""
        self._unread = received + self._unread

    async def readable(self) -> None:
        """Wait until there is something to read, if only the end. May be cancelled: nothing is lost."""
        loop, found = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, found.set)
        try:
            await found.wait()
        finally:
            loop.remove_reader(self._socket)

    def has_ended(self) -> bool:
        """Whether what is there to read is the end."""
        try:
            return not self._unread and not self._socket.recv(1, socket.MSG_PEEK)
        except OSError as exc:
            return not isinstance(exc, BlockingIOError)

    async def write(self, content: bytes) -> None:
        """Write all of *content*, as fast as it is taken.

        Raises:
            OSError: the connection broke.
        """
        await asyncio.get_running_loop().sock_sendall(self._socket, content)

    def end(self) -> None:
        """Send no more, and say so."""
        if not self._has_ended:
            self._has_ended = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    async def say_goodbye(self) -> None:
        """End, and give the other side a moment to do so too: a close with bytes unread is a reset."""
        self.end()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                while await self.read():
                    pass

    def reset(self) -> None:
        """Close by a reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


async def connected(host: str, port: int) -> Side:
    """The server's side of a new connection, by the first of its addresses that takes one.

    Raises:
        OSError: none does.
    """
    async with asyncio.timeout(CONNECT_SECONDS):  # a TimeoutError is an OSError
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for family, type_, protocol, _, address in found:
            tried = socket.socket(family, type_, protocol)
            tried.setblocking(False)
            try:
                await loop.sock_connect(tried, address)
            except OSError as exc:
                tried.close()
                failure = failure or exc
            except BaseException:
                tried.close()
                raise
            else:
                return Side(tried)
        raise failure or OSError(f"{host} has no address")
