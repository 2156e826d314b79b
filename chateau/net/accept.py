"""Accepting connections: WebSocket handshakes, the line protocol's port, and handing a socket over.

Tornado listens and performs the handshake. Then the socket is detached from its stream, and the request, the
handler and the stream are freed (15 KiB per connection, and most of the time that a frame took). TLS, and
event loops that do not watch sockets, stay on the stream.
"""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpserver import TCPServer
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

from chateau.hub.errors import cut
from chateau.hub.guesses import share_of
from chateau.net.base_handler import BaseHandler, send_text
from chateau.net.connection import SocketConnection, StreamConnection
from chateau.protocols.transport import TRY_AGAIN_LATER

if TYPE_CHECKING:
    from asyncio import Future

    from tornado.httputil import HTTPHeaders, HTTPServerRequest

    from chateau.net.allowance import AddressAllowances
    from chateau.net.connection import PeerFactory
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.host_policy import HostPolicy
    from chateau.net.origin_policy import OriginPolicy
    from chateau.net.proxies import TrustedProxies

log = logging.getLogger(__name__)

FOR_WEBSOCKET = "This address is for WebSocket; connect to it with a WebSocket client."

SUBPROTOCOL = "chateau.v1"
"""The WebSocket subprotocol that clients may offer. The address selects the protocol, with or without it."""


async def adopt(
    stream: IOStream,
    group: ConnectionGroup,
    open_peer: PeerFactory,
    *,
    address: str,
    is_direct: bool = True,
) -> None:
    """Open the connection that *stream* carries in *group*, for the client at *address*.

    *is_direct*: it is the TCP peer of *stream*, not behind a proxy.

    Return when the stream is no longer needed: at once, unless the connection stays on it.
    """
    port = port_of(stream)
    stream.set_nodelay(True)
    if not group.takes_sockets or type(stream) is not IOStream or stream.writing():
        on_stream = StreamConnection(group, stream)
        on_stream.is_direct = is_direct
        on_stream.open(open_peer, address, port)
        await on_stream.read_until_end()
        return
    try:
        sock, early = detach_socket(stream)
    except StreamClosedError:
        return
    connection = SocketConnection(group, sock)
    connection.is_direct = is_direct
    connection.open(open_peer, address, port)
    if early:
        connection.on_bytes(early)


def detach_socket(stream: IOStream) -> tuple[socket.socket, bytes]:
    """Return the socket of *stream*, detached from it, and the bytes that it has read already.

    Raises:
        StreamClosedError: the client is gone.
    """
    reading = cast("Future[bytes]", stream.read_bytes(stream.max_buffer_size, partial=True))
    if stream.closed():
        raise StreamClosedError(stream.error)
    stream.io_loop.remove_handler(stream.socket)
    return stream.socket, reading.result() if reading.done() else b""


def port_of(stream: IOStream) -> int:
    """Return the client's port; 0 on a UNIX socket, or when the client is gone."""
    try:
        return int(stream.socket.getpeername()[1])
    except (AttributeError, OSError, IndexError, ValueError):  # a closed stream has no socket
        return 0


async def refuse(stream: IOStream, last_words: bytes) -> None:
    """Send *last_words* and close *stream*, without waiting for its client."""
    with suppress(StreamClosedError):
        stream.write(last_words).add_done_callback(lambda written: written.exception())
    stream.close()


class LinesServer(TCPServer):
    """Accepts TCP connections for the line protocol."""

    def __init__(self, open_peer: PeerFactory, group: ConnectionGroup) -> None:
        super().__init__()
        self._open_peer = open_peer
        self._group = group

    async def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        rejection = self._group.limits.rejection(share_of(str(address[0])))
        if rejection is not None:
            await refuse(stream, self._group.framing.close(TRY_AGAIN_LATER, rejection))
            return
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # Telnet's Synch is sent as urgent data, of which a byte is missing otherwise (RFC 854).
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        await adopt(stream, self._group, self._open_peer, address=str(address[0]))


@dataclass(frozen=True, slots=True)
class HandshakePolicy:
    """What all handshakes over HTTP share: the *group*, trusted proxies, and the policies."""

    group: ConnectionGroup
    proxies: TrustedProxies
    origins: OriginPolicy
    hosts: HostPolicy
    allowances: AddressAllowances | None = None

    def rejection(self, request: HTTPServerRequest) -> str | None:
        """Return why a client behind a proxy is refused; others have been admitted with their connection."""
        if not self.proxies.is_trusted(request.remote_ip or ""):
            return None
        return self.group.limits.rejection(share_of(self.address_of(request)))

    def address_of(self, request: HTTPServerRequest) -> str:
        """Return the address of the client that sent *request*."""
        return self.proxies.client_address(request.remote_ip or "", request.headers)

    def take_token(self, request: HTTPServerRequest) -> None:
        """Take a token for *request* from its client's address.

        Raises:
            TooManyRequests: there is none.
        """
        if self.allowances is not None:
            self.allowances.take(self.address_of(request))

    def is_direct(self, request: HTTPServerRequest) -> bool:
        """Return whether the client that sent *request* is connected without a proxy in between."""
        return self.proxies.is_direct(request.remote_ip or "", request.headers)


class WebSocketUpgradeHandler(BaseHandler, WebSocketHandler):
    """Accepts WebSocket handshakes for one endpoint, and hands the connection over.

    Tornado's own receive loop awaits several small reads per frame and keeps the request, the handler and the
    stream for as long as the connection lives; :func:`adopt` replaces it.

    Browsers let pages open WebSockets to any server, so pages of other origins than the server's own are
    rejected (403) unless the policy allows them.
    """

    def initialize(self, open_peer: PeerFactory, policy: HandshakePolicy) -> None:
        self._open_peer = open_peer
        self._policy = policy

    def check_origin(self, origin: str) -> bool:
        return True  # the policy has been asked before

    def head(self, *_args: Any, **_kwargs: Any) -> None:
        send_text(self, 426, FOR_WEBSOCKET)  # only GET can upgrade

    async def get(self, *args: Any, **kwargs: Any) -> None:
        if not asks_for_websocket(self.request.headers):
            send_text(self, 426, FOR_WEBSOCKET)
        elif self._policy.group.is_closing:
            send_text(self, 503, "The server is shutting down.")
        elif (rejection := self._policy.rejection(self.request)) is not None:
            send_text(self, 503, rejection)
        elif (rejection := self._policy.origins.rejection(self.request.headers)) is not None:
            send_text(self, 403, rejection)
        else:
            await super().get(*args, **kwargs)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Accept :data:`SUBPROTOCOL`; a browser fails the connection if it offers others only."""
        if SUBPROTOCOL in subprotocols:
            return SUBPROTOCOL
        if subprotocols:
            offered = ascii(cut(", ".join(subprotocols)))
            log.info(
                "a client offers the WebSocket subprotocols %s and gets none, on which browsers close the "
                "connection with 1006; expected %s, or none",
                offered,
                SUBPROTOCOL,
            )
        return None

    async def adopt(self, stream: IOStream) -> None:
        """Open the connection that *stream* carries."""
        address = self._policy.address_of(self.request)
        is_direct = self._policy.is_direct(self.request)
        await adopt(stream, self._policy.group, self._open_peer, address=address, is_direct=is_direct)

    def get_websocket_protocol(self) -> WebSocketProtocol13 | None:
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        return _Handshake(self, mask_outgoing=False, params=_WebSocketParams())


class _Handshake(WebSocketProtocol13):
    """Tornado's handshake, without its receive loop and its pings."""

    handler: WebSocketUpgradeHandler

    def start_pinging(self) -> None:
        pass  # chateau.net.liveness pings all connections at once

    async def _receive_frame_loop(self) -> None:
        await self.handler.adopt(self.stream)


def asks_for_websocket(headers: HTTPHeaders) -> bool:
    """Return whether a request with these *headers* asks for a WebSocket."""
    return headers.get("Upgrade", "").lower() == "websocket"
