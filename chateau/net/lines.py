"""The way in for lines over TCP: Tornado listens, then the connection is one like all others."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from tornado.tcpserver import TCPServer

from chateau.net.entrance import port_of, take_over

if TYPE_CHECKING:
    from tornado.iostream import IOStream

    from chateau.net.connection_group import ConnectionGroup
    from chateau.protocols.transport import Endpoint


class LinesServer(TCPServer):
    """Takes TCP connections for one door."""

    def __init__(self, endpoint: Endpoint, group: ConnectionGroup) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._group = group

    async def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A client has connected from *address*, its IP address and port first."""
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await take_over(stream, self._group, self._endpoint, address=str(address[0]), port=port_of(stream))
