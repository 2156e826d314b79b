"""A client for each of the five protocols, by which a test speaks all of them alike.

What differs from protocol to protocol is said once, here; what a client hears is given as it came.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar, Self
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect

PATIENCE_SECONDS = 10

Heard = Any
"""A frame, decoded where it is JSON."""


class House:
    """Where the server is."""

    def __init__(self, *, port: int, lines_port: int) -> None:
        self.port = port
        self.lines_port = lines_port

    def websocket(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


class Client:
    """One client. ``enter`` gives it a name and, where its protocol has rooms, puts it into one."""

    protocol: ClassVar[str]
    has_direct_messages: ClassVar[bool] = True
    has_rooms: ClassVar[bool] = True

    def __init__(self, house: House) -> None:
        self.house = house
        self.name = ""
        self.room = ""

    async def open(self) -> Self:
        raise NotImplementedError

    async def enter(self, name: str, room: str) -> Self:
        raise NotImplementedError

    async def say_to(self, name: str, text: str) -> None:
        raise NotImplementedError

    async def say(self, text: str) -> None:
        raise NotImplementedError

    async def leave(self) -> None:
        raise NotImplementedError

    async def ask(self) -> Heard:
        """Send a request that answers itself, and return what comes next."""
        raise NotImplementedError

    async def hear(self) -> Heard:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def hear_like(self, expected: Heard) -> Heard:
        """What is heard next that looks like *expected*; what comes before it is dropped."""
        heard = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not looks_like(last := await self.hear(), expected):
                    heard.append(last)
        except TimeoutError:
            raise AssertionError(f"{self.protocol} heard {heard}, and never {expected}") from None
        return last


class WebSocketClient(Client):
    path: ClassVar[str]

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.socket: ClientConnection

    async def open(self) -> Self:
        self.socket = await connect(self.house.websocket(self.path), proxy=None)
        return self

    async def send(self, frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def hear(self) -> Heard:
        return decoded(await self.socket.recv())

    async def close(self) -> None:
        await self.socket.close()


class ChateauClient(WebSocketClient):
    protocol = "chateau"
    path = "/ws"

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = name, room
        await self.send({"type": 1, "username": name})
        await self.send({"type": 5, "room": room})
        await self.hear_like({"type": 5, "status": 200, "room": room, "members": ANY})
        return self

    async def say_to(self, name: str, text: str) -> None:
        await self.send({"type": 3, "clients": [name], "content": text})

    async def say(self, text: str) -> None:
        await self.send({"type": 7, "room": self.room, "content": text})

    async def leave(self) -> None:
        await self.send({"type": 6, "room": self.room})

    async def ask(self) -> Heard:
        await self.send({"type": 4})
        return await self.hear()


class FunctionsClient(WebSocketClient):
    protocol = "functions"
    path = "/functions"
    has_rooms = False

    async def enter(self, name: str, room: str) -> Self:
        self.name = name
        await self.send({"function": "set_custom_variables", "custom_variables": {"name": name}})
        await self.hear()
        return self

    async def say_to(self, name: str, text: str) -> None:
        await self.send({"function": "retrieve_clients"})
        clients = (await self.hear())["clients"]
        ids = [id_ for id_, card in clients.items() if card["custom"].get("name") == name]
        await self.send({"function": "send_message", "recipient_ids": ids, "message": text})

    async def ask(self) -> Heard:
        await self.send({"function": "retrieve_clients"})
        return await self.hear()


class LinesClient(Client):
    protocol = "lines"

    async def open(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.house.lines_port)
        return self

    async def send(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = name, room
        await self.send(f"LOGIN {name}")
        await self.send(f"JOIN {room}")
        body = f"User {name} has joined the room"
        await self.hear_like({"from": name, "type": "userJoined", "body": body})
        return self

    async def say_to(self, name: str, text: str) -> None:
        await self.send(f"MSG {name} {text}")

    async def say(self, text: str) -> None:
        await self.send(text)

    async def leave(self) -> None:
        await self.send("LEAVE")

    async def ask(self) -> Heard:
        await self.send("WHO")
        return await self.hear()

    async def hear(self) -> Heard:
        line = await self.reader.readuntil(b"\r\n")
        return decoded(line.decode().removesuffix("\r\n"))

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


class OpcodesClient(WebSocketClient):
    protocol = "opcodes"
    path = "/opcodes"

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = name, room
        await self.say(name)
        await self.say(f"!join {room}")
        content = f"{name} has entered the room"
        await self.hear_like({"op": 0, "d": {"author": room, "content": content}})
        return self

    async def say_to(self, name: str, text: str) -> None:
        await self.say(f"!msg {name} {text}")

    async def say(self, text: str) -> None:
        await self.send({"op": 1, "d": {"content": text}})

    async def leave(self) -> None:
        await self.say("!join elsewhere")

    async def ask(self) -> Heard:
        await self.send({"op": 4})
        return await self.hear()


class ChannelsClient(WebSocketClient):
    protocol = "channels"
    has_direct_messages = False

    async def open(self) -> Self:
        return self  # there is no connection without a channel

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = "channel", room  # a subscriber has no name
        self.socket = await connect(self.house.websocket(f"/channel/{quote(room)}/"), proxy=None)
        return self

    async def say(self, text: str) -> None:
        await self.post(text)

    async def ask(self) -> Heard:
        return await self.post("hi")

    async def post(self, text: str) -> Heard:
        """Publish *text*; returns the body of the answer, as it came."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.house.port)
        body = text.encode()
        head = f"POST /channel/{quote(self.room)}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.partition(b"\r\n\r\n")[2].decode()

    async def hear(self) -> Heard:
        heard = await self.socket.recv()
        return decoded(heard) if heard[:1] == "{" else heard

    async def close(self) -> None:
        if hasattr(self, "socket"):
            await self.socket.close()


CLIENTS: dict[str, type[Client]] = {
    client.protocol: client
    for client in (ChateauClient, FunctionsClient, LinesClient, OpcodesClient, ChannelsClient)
}


class _Anything:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "…"


ANY = _Anything()

VARIABLE = frozenset(("id", "time", "seq", "port"))
"""Keys whose values differ from one time to the next; their types do not."""


def looks_like(heard: Heard, expected: Heard) -> bool:
    """Whether *heard* has the keys of *expected*, in their order, and its values, where these do not vary."""
    if isinstance(heard, dict) and isinstance(expected, dict):
        return list(heard) == list(expected) and all(
            type(heard[key]) is type(expected[key])
            if key in VARIABLE
            else looks_like(heard[key], expected[key])
            for key in expected
        )
    return bool(expected == heard)


def decoded(text: str | bytes) -> Heard:
    return json.loads(text)
