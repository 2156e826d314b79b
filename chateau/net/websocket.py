"""The way in for WebSockets: Tornado does the handshake, then lets go of the connection.

Tornado's own receive loop awaits several small reads a frame and keeps the request, the handler and the
stream for as long as the connection lives. Here the loop is replaced: the socket is taken out of the
stream and all the rest is freed (15 KiB a connection, and most of the time a frame took).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

from chateau.net.connection import SocketConnection, StreamConnection

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Collection
    from socket import socket
    from typing import Any

    from chateau.net.wire import Wire
    from chateau.protocols.wire import Door

ALL_ORIGINS = "*"


class WebSocketEntrance(WebSocketHandler):
    """Takes WebSocket handshakes for one door.

    Pages of other origins than the server's own are refused (403) unless *allowed_origins* names
    them, or ``*``: browsers do not keep pages from opening WebSockets to any server.
    """

    def initialize(self, door: Door, wire: Wire, allowed_origins: Collection[str] = ()) -> None:
        self._door = door
        self._wire = wire
        self._allowed_origins = allowed_origins

    def check_origin(self, origin: str) -> bool:
        return origin in self._allowed_origins or ALL_ORIGINS in self._allowed_origins

    async def get(self, *args: Any, **kwargs: Any) -> None:
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            self.set_header("Upgrade", "websocket")
            self.set_header("Connection", "Upgrade")
            self._refuse(426, "This address speaks WebSocket: connect to it with a WebSocket client.")
        elif self._wire.is_closing:
            self._refuse(503, "The server is shutting down.")
        else:
            await super().get(*args, **kwargs)

    def _refuse(self, status: int, sentence: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{sentence}\n")

    def get_websocket_protocol(self) -> WebSocketProtocol13 | None:
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        return _Handshake(self, mask_outgoing=False, params=_WebSocketParams())

    async def take_over(self, stream: IOStream) -> None:
        """Open the connection that *stream* carries, and stay with it only where it stays on the stream."""
        stream.set_nodelay(True)
        address = self.request.remote_ip or ""
        if not self._wire.takes_sockets or type(stream) is not IOStream or stream.writing():
            kept = StreamConnection(self._wire, stream)
            kept.open(self._door, address)
            await kept.read_on()
            return
        try:
            sock, early = released(stream)
        except StreamClosedError:
            return
        taken = SocketConnection(self._wire, sock)
        taken.open(self._door, address)
        if early:
            taken.on_bytes(early)


class _Handshake(WebSocketProtocol13):
    """Tornado's handshake, and nothing behind it."""

    handler: WebSocketEntrance

    def start_pinging(self) -> None:
        pass  # chateau.net.wire pings, for all connections at once

    async def _receive_frame_loop(self) -> None:
        await self.handler.take_over(self.stream)


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
