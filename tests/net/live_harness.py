"""A server inside the test's event loop, and its clients."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raw_client import PATIENCE_SECONDS, RawClient

from chateau.app import Server
from chateau.settings import MEMORY, Settings

TLS = Path(__file__).parent / "tls"
CERTIFICATE = TLS / "certificate.pem"
KEY = TLS / "key.pem"

TRANSPORTS: dict[str, dict[str, Any]] = {
    "fast": {},
    "tornado": {"transport": "tornado"},
    "tls": {"tls_cert": CERTIFICATE, "tls_key": KEY},
}
"""The settings of each transport: plain sockets, Tornado's streams, TLS."""


DEFAULTS: dict[str, Any] = {"port": 0, "lines_port": 0, "data": MEMORY, "max_rate": 0, "max_publish_rate": 0}


class LiveServer:
    """One running server with *settings*, over the transport *name*."""

    def __init__(self, name: str, **settings: Any) -> None:
        self.transport = name
        self.server = Server(Settings(**(DEFAULTS | TRANSPORTS[name] | settings)))
        self.server.start()
        self.port = int(self.server.greetings[0].split(":")[2].split("/")[0])
        self.tls = None if name != "tls" else ssl.create_default_context(cafile=CERTIFICATE)
        self.clients: list[RawClient] = []

    @property
    def connections(self) -> int:
        """The number of open WebSockets."""
        return len(self.server.group.connections)

    async def connect(self, **options: Any) -> RawClient:
        """Return a connected client that has sent nothing."""
        client = await RawClient.connect(self.port, tls=self.tls, **options)
        self.clients.append(client)
        return client

    async def client(self, **options: Any) -> RawClient:
        """Return a client with an open WebSocket."""
        return await (await self.connect(**options)).upgrade()

    async def member(self, username: str, *rooms: str, **options: Any) -> RawClient:
        """Return a client that is registered as *username*, and a member of *rooms*."""
        return await (await self.client(**options)).enter(username, *rooms)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that has no event."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 - the server has no event for a test
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Disconnect the clients, and check that the server has released them."""
        try:
            for client in self.clients:
                await client.leave()
            await self.until(lambda: not self.connections)
            assert self.server.hub.usernames() == []
        finally:
            await self.server.drain()


OpenServer = Callable[..., LiveServer]
"""Starts a server with the given settings."""
