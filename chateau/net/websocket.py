"""The way in for WebSockets: Tornado does the handshake, then lets go of the connection.

Tornado's own receive loop awaits several small reads a frame and keeps the request, the handler and the
stream for as long as the connection lives. Here the loop is replaced; see :mod:`chateau.net.entrance`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

from chateau.net.entrance import port_of, take_over
from chateau.net.page import say

if TYPE_CHECKING:
    from typing import Any

    from tornado.httputil import HTTPServerRequest
    from tornado.iostream import IOStream

    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.proxies import TrustedProxies
    from chateau.protocols.transport import Endpoint

ALL_ORIGINS = "*"


@dataclass(frozen=True, slots=True)
class HandshakePolicy:
    """What all doors by HTTP have in common: the *group* behind them, and who may come as far as there."""

    group: ConnectionGroup
    proxies: TrustedProxies
    allowed_origins: Collection[str] = ()

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of *origin*, another one than the server's own, may connect."""
        return origin in self.allowed_origins or ALL_ORIGINS in self.allowed_origins

    def address_of(self, request: HTTPServerRequest) -> str:
        """Where the client is that *request* comes from."""
        return self.proxies.client_address(request.remote_ip or "", request.headers)


class WebSocketEntrance(WebSocketHandler):
    """Takes WebSocket handshakes for one door.

    Pages of other origins than the server's own are refused (403) unless the doorstep allows them:
    browsers do not keep pages from opening WebSockets to any server.
    """

    def initialize(self, endpoint: Endpoint, policy: HandshakePolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy

    def check_origin(self, origin: str) -> bool:
        return self._policy.allows_origin(origin)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        if not asks_for_websocket(self.request.headers):
            say(self, 426, "This address speaks WebSocket: connect to it with a WebSocket client.")
        elif self._policy.group.is_closing:
            say(self, 503, "The server is shutting down.")
        else:
            await super().get(*args, **kwargs)

    async def take_over(self, stream: IOStream) -> None:
        """Open the connection that *stream* carries."""
        address = self._policy.address_of(self.request)
        await take_over(stream, self._policy.group, self._endpoint, address=address, port=port_of(stream))

    def get_websocket_protocol(self) -> WebSocketProtocol13 | None:
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        return _Handshake(self, mask_outgoing=False, params=_WebSocketParams())


class _Handshake(WebSocketProtocol13):
    """Tornado's handshake, and nothing behind it."""

    handler: WebSocketEntrance

    def start_pinging(self) -> None:
        pass  # chateau.net.connection_group pings, for all connections at once

    async def _receive_frame_loop(self) -> None:
        await self.handler.take_over(self.stream)


def asks_for_websocket(headers: Any) -> bool:
    """Whether a request with these *headers* asks for a WebSocket."""
    return str(headers.get("Upgrade", "")).lower() == "websocket"
