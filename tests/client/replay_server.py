"""A small server for replays: it stores names, relays messages, and is slow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

SLOW_SECONDS = 0.02


class RelayServer:
    """Responds to ``name`` with ``welcome``, to ``to`` with ``done`` or ``nobody``, else with ``echo``."""

    def __init__(self) -> None:
        self.members: dict[str, ServerConnection] = {}
        self.received: list[object] = []
        self.closes: list[tuple[int, str]] = []
        self.is_slow = True
        self.slow_seconds = SLOW_SECONDS
        self.is_silent = False
        self.port = 0

    async def serve_client(self, client: ServerConnection) -> None:
        with suppress(ConnectionClosedError):
            async for frame in client:
                self.received.append(frame)
                if not self.is_silent:
                    await self._respond(client, frame)
        self.closes.append((client.close_code or 0, client.close_reason or ""))
        self.members = {name: other for name, other in self.members.items() if other is not client}

    async def _respond(self, client: ServerConnection, frame: str | bytes) -> None:
        request = json.loads(frame) if isinstance(frame, str) and frame.startswith("{") else {}
        if self.is_slow:
            await asyncio.sleep(self.slow_seconds)
        if "name" in request:
            said = "welcome" if request["name"] not in self.members else "taken"
            self.members.setdefault(request["name"], client)
        elif "to" in request:
            said = "done" if request["to"] in self.members else "nobody"
            if said == "done":
                await self.members[request["to"]].send(json.dumps({"message": request["message"]}))
        elif frame == "leave":
            await client.close(4001, "as you like")
            return
        else:
            said = "echo"
        await client.send(json.dumps({"answer": said}))


@asynccontextmanager
async def opened() -> AsyncIterator[RelayServer]:
    relay = RelayServer()
    async with serve(relay.serve_client, "127.0.0.1", 0, compression=None) as server:
        relay.port = next(iter(server.sockets)).getsockname()[1]
        yield relay
