"""One interface to a client of each of the five protocols.

Received frames are returned as they are.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar, Self
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect

TIMEOUT_SECONDS = 10

Received = Any
"""A frame, decoded if it is JSON."""


class Address:
    """The ports of the server."""

    def __init__(self, *, port: int, lines_port: int) -> None:
        self.port = port
        self.lines_port = lines_port

    def websocket(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


class Client:
    """One client. ``enter`` registers its name and, if its protocol has rooms, joins one."""

    protocol: ClassVar[str]
    has_direct_messages: ClassVar[bool] = True
    has_rooms: ClassVar[bool] = True

    def __init__(self, address: Address) -> None:
        self.address = address
        self.name = ""
        self.room = ""

    async def open(self) -> Self:
        raise NotImplementedError

    async def enter(self, name: str, room: str) -> Self:
        raise NotImplementedError

    async def send_direct(self, name: str, text: str) -> None:
        raise NotImplementedError

    async def publish(self, text: str) -> None:
        raise NotImplementedError

    async def leave(self) -> None:
        raise NotImplementedError

    async def ask(self) -> Received:
        """Send a request without side effects, and return the next frame."""
        raise NotImplementedError

    async def receive(self) -> Received:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def receive_like(self, expected: Received) -> Received:
        """Return the next frame that looks like *expected*; drop the frames before it."""
        received = []
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while not looks_like(last := await self.receive(), expected):
                    received.append(last)
        except TimeoutError:
            raise AssertionError(f"{self.protocol} received {received}, but not {expected}") from None
        return last


class WebSocketClient(Client):
    path: ClassVar[str]

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.socket: ClientConnection

    async def open(self) -> Self:
        self.socket = await connect(self.address.websocket(self.path), proxy=None)
        return self

    async def send(self, frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def receive(self) -> Received:
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
        await self.receive_like({"type": 5, "status": 200, "room": room, "members": ANY})
        return self

    async def send_direct(self, name: str, text: str) -> None:
        await self.send({"type": 3, "clients": [name], "content": text})

    async def publish(self, text: str) -> None:
        await self.send({"type": 7, "room": self.room, "content": text})

    async def leave(self) -> None:
        await self.send({"type": 6, "room": self.room})

    async def ask(self) -> Received:
        await self.send({"type": 4})
        return await self.receive()


class FunctionsClient(WebSocketClient):
    protocol = "functions"
    path = "/functions"
    has_rooms = False

    async def enter(self, name: str, room: str) -> Self:
        self.name = name
        await self.send({"function": "set_custom_variables", "custom_variables": {"name": name}})
        await self.receive()
        return self

    async def send_direct(self, name: str, text: str) -> None:
        await self.send({"function": "retrieve_clients"})
        while "clients" not in (response := await self.receive()):
            pass
        clients = response["clients"]
        ids = [id_ for id_, card in clients.items() if card["custom"].get("name") == name]
        await self.send({"function": "send_message", "recipient_ids": ids, "message": text})

    async def ask(self) -> Received:
        await self.send({"function": "retrieve_clients"})
        return await self.receive()


class LinesClient(Client):
    protocol = "lines"

    async def open(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.address.lines_port)
        return self

    async def send(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = name, room
        await self.send(f"LOGIN {name}")
        await self.send(f"JOIN {room}")
        body = f"User {name} has joined the room"
        await self.receive_like({"from": name, "type": "userJoined", "body": body})
        return self

    async def send_direct(self, name: str, text: str) -> None:
        await self.send(f"MSG {name} {text}")

    async def publish(self, text: str) -> None:
        await self.send(text)

    async def leave(self) -> None:
        await self.send("LEAVE")

    async def ask(self) -> Received:
        await self.send("WHO")
        return await self.receive()

    async def receive(self) -> Received:
        line = await self.reader.readuntil(b"\r\n")
        return decoded(line.decode().removesuffix("\r\n"))

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        while await self.reader.read(4096):
            pass

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


class OpcodesClient(WebSocketClient):
    protocol = "opcodes"
    path = "/opcodes"

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = name, room
        await self.publish(name)
        await self.publish(f"!join {room}")
        for content in (f"You are now in {room}.", f"{name} has entered the room"):
            while (await self.receive())["d"].get("content") != content:
                pass
        return self

    async def send_direct(self, name: str, text: str) -> None:
        await self.publish(f"!msg {name} {text}")

    async def publish(self, text: str) -> None:
        await self.send({"op": 1, "d": {"content": text}})

    async def leave(self) -> None:
        await self.publish("!join elsewhere")

    async def ask(self) -> Received:
        await self.send({"op": 4})
        return await self.receive()


class ChannelsClient(WebSocketClient):
    protocol = "channels"
    has_direct_messages = False

    async def open(self) -> Self:
        return self  # a connection needs a channel

    async def enter(self, name: str, room: str) -> Self:
        self.name, self.room = "channel", room  # a subscriber has no name
        self.socket = await connect(self.address.websocket(f"/channel/{quote(room)}/"), proxy=None)
        return self

    async def publish(self, text: str) -> None:
        await self.post(text)

    async def ask(self) -> Received:
        return await self.post("hi")

    async def post(self, text: str) -> Received:
        """Publish *text*; return the body of the response."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.address.port)
        body = text.encode()
        head = f"POST /channel/{quote(self.room)}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        response = await reader.read()
        writer.close()
        await writer.wait_closed()
        return response.partition(b"\r\n\r\n")[2].decode()

    async def receive(self) -> Received:
        received = await self.socket.recv()
        return decoded(received) if received[:1] == "{" else received

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
"""Keys whose values vary; only their types are compared."""


def looks_like(received: Received, expected: Received) -> bool:
    """Return whether *received* has the keys of *expected*, in order, and its values except `VARIABLE`."""
    if isinstance(received, dict) and isinstance(expected, dict):
        return list(received) == list(expected) and all(
            type(received[key]) is type(expected[key])
            if key in VARIABLE
            else looks_like(received[key], expected[key])
            for key in expected
        )
    return bool(expected == received)


def decoded(text: str | bytes) -> Received:
    return json.loads(text)
