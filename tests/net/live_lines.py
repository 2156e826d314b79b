"""A server with a port for lines inside the test's event loop, and its clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from raw_client import PATIENCE_SECONDS, RawClient

if TYPE_CHECKING:
    from live_harness import LiveServer

OK = {"type": "commandResult", "result": "OK"}
NOT_TEXT = {"type": "error", "error": "A line is UTF-8 text; this one was not."}

LOGIN_BOB = b"LOGIN bob\nJOIN x\n"
BOB_IS_IN = [
    {"type": "commandResult", "result": "Username set to bob"},
    {"type": "commandResult", "result": "Joined room x"},
    {"from": "bob", "type": "userJoined", "body": "User bob has joined the room"},
]


def message_line(nick: str, text: str) -> dict[str, str]:
    return {"from": nick, "type": "message", "body": text}


class LinesClient(RawClient):
    """A client that sends lines and receives JSON."""

    async def receive_json(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await self.reader.readuntil(b"\r\n")
        received: dict[str, Any] = json.loads(line)
        return received

    async def receive_all(self, count: int) -> list[dict[str, Any]]:
        return [await self.receive_json() for _ in range(count)]

    async def rest(self) -> list[dict[str, Any]]:
        """Return all lines until the server ends the connection without a reset."""
        lines = (await self.end()).split(b"\r\n")
        assert lines[-1] == b""
        return [json.loads(line) for line in lines[:-1]]

    async def log_in_and_join(self, nick: str, room: str) -> LinesClient:
        self.send(f"LOGIN {nick}\nJOIN {room}\n".encode())
        while (await self.receive_json()) != {
            "from": nick,
            "type": "userJoined",
            "body": f"User {nick} has joined the room",
        }:
            pass
        return self


class LinesServer:
    """A server with a lines port."""

    def __init__(self, harness: LiveServer) -> None:
        self.harness = harness
        self.group = harness.server._lines_group
        self.port = harness.server.settings.lines_port

    @property
    def connections(self) -> int:
        return len(self.group.connections)

    async def client(self, **options: Any) -> LinesClient:
        client = await LinesClient.connect(self.port, **options)
        self.harness.clients.append(client)
        return client

    async def member(self, nick: str, room: str = "x", **options: Any) -> LinesClient:
        return await (await self.client(**options)).log_in_and_join(nick, room)

    async def until(self, count: int) -> None:
        """Wait until *count* connections are left."""
        await self.harness.until(lambda: self.connections == count)

    async def empty(self) -> None:
        """Disconnect all clients, and check that the server released them."""
        for client in self.harness.clients:
            await client.leave()
        await self.until(0)


OpenLinesServer = Callable[..., LinesServer]
"""Starts a server with the given settings."""
