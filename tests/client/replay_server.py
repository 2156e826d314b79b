"""A small server for replays: it keeps names, passes messages on, and takes its time over it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

SLOW_SECONDS = 0.02


class House:
    """Answers ``name`` with ``welcome``, ``to`` with ``done`` or ``nobody``, anything else with ``echo``."""

    def __init__(self) -> None:
        self.members: dict[str, ServerConnection] = {}
        self.heard: list[object] = []
        self.goodbyes: list[tuple[int, str]] = []
        self.is_slow = True
        self.is_silent = False
        self.port = 0

    async def host(self, guest: ServerConnection) -> None:
        with suppress(ConnectionClosedError):
            async for frame in guest:
                self.heard.append(frame)
                if not self.is_silent:
                    await self._answer(guest, frame)
        self.goodbyes.append((guest.close_code or 0, guest.close_reason or ""))
        self.members = {name: other for name, other in self.members.items() if other is not guest}

    async def _answer(self, guest: ServerConnection, frame: str | bytes) -> None:
        asked = json.loads(frame) if isinstance(frame, str) and frame.startswith("{") else {}
        if self.is_slow:
            await asyncio.sleep(SLOW_SECONDS)
        if "name" in asked:
            said = "welcome" if asked["name"] not in self.members else "taken"
            self.members.setdefault(asked["name"], guest)
        elif "to" in asked:
            said = "done" if asked["to"] in self.members else "nobody"
            if said == "done":
                await self.members[asked["to"]].send(json.dumps({"message": asked["message"]}))
        elif frame == "leave":
            await guest.close(4001, "as you like")
            return
        else:
            said = "echo"
        await guest.send(json.dumps({"answer": said}))


@asynccontextmanager
async def opened() -> AsyncIterator[House]:
    house = House()
    async with serve(house.host, "127.0.0.1", 0, compression=None) as server:
        house.port = next(iter(server.sockets)).getsockname()[1]
        yield house
