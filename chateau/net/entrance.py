"""The way in: from the stream that a client came by to a connection of its own.

Tornado listens, and speaks as far as a handshake goes. Then the socket is taken out of its stream and
the request, the handler and the stream are freed (15 KiB a connection, and most of the time that a
frame took). TLS, and event loops that watch no sockets, stay on the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tornado.iostream import IOStream, StreamClosedError

from chateau.net.connection import SocketConnection, StreamConnection

if TYPE_CHECKING:
    from asyncio import Future
    from socket import socket

    from chateau.net.connection_group import ConnectionGroup
    from chateau.protocols.transport import Endpoint


async def take_over(
    stream: IOStream, group: ConnectionGroup, endpoint: Endpoint, *, address: str, port: int
) -> None:
    """Open the connection that *stream* carries, and stay with it only where it stays on the stream."""
    stream.set_nodelay(True)
    if not group.takes_sockets or type(stream) is not IOStream or stream.writing():
        kept = StreamConnection(group, stream)
        kept.open(endpoint, address, port)
        await kept.read_on()
        return
    try:
        sock, early = released(stream)
    except StreamClosedError:
        return
    taken = SocketConnection(group, sock)
    taken.open(endpoint, address, port)
    if early:
        taken.on_bytes(early)


def released(stream: IOStream) -> tuple[socket, bytes]:
    """The socket of *stream*, which knows nothing of it any more, and the bytes that it had read already.

    Raises:
        StreamClosedError: the client is gone.
    """
    reading = cast("Future[bytes]", stream.read_bytes(stream.max_buffer_size, partial=True))
    if stream.closed():
        raise StreamClosedError(stream.error)
    stream.io_loop.remove_handler(stream.socket)
    return stream.socket, reading.result() if reading.done() else b""


def port_of(stream: IOStream) -> int:
    """The client's port; 0 where it has none, as on a UNIX socket, or is gone."""
    try:
        return int(stream.socket.getpeername()[1])
    except (AttributeError, OSError, IndexError, ValueError):  # a closed stream has no socket
        return 0
