"""Publishers and listeners of three protocols, which run until their connections end.

They record all sent and received messages in a ledger. Each publisher has up to *window* messages in flight;
a message counts as sent before its first byte is sent, and as acknowledged when the whole response has
arrived.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, NamedTuple, Self

from ledger import Ledger, Loss, Message
from websockets.client import ClientProtocol
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.uri import parse_uri

PATIENCE_SECONDS = 10
RECEIVE_BYTES = 262_144
LONG_MESSAGES = (200, 3000)
"""Shortest and longest length of the few long messages, in characters."""

Frame = dict[str, Any]


class Address(NamedTuple):
    """The ports of the server."""

    port: int
    lines_port: int


class Connection:
    """A TCP connection that can be read to its end after a write has failed.

    asyncio's own streams drop unread bytes when a write fails.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[Self]:
        """Connect; without a server, the connection has already ended."""
        with socket.socket() as sock:
            sock.setblocking(False)
            connection = cls(sock)
            try:
                await connection._loop.sock_connect(sock, ("127.0.0.1", port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                sock.close()
            yield connection

    async def send(self, sent: bytes) -> None:
        with suppress(OSError):  # received bytes can still be read
            await self._loop.sock_sendall(self._sock, sent)

    async def receive(self) -> bytes:
        """Return the next bytes; none at the end."""
        try:
            return await self._loop.sock_recv(self._sock, RECEIVE_BYTES)
        except OSError:
            return b""


class ChateauConnection:
    """The chateau protocol: frames are JSON objects in a WebSocket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._protocol = ClientProtocol(parse_uri("ws://localhost/ws"), max_size=None)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address) -> AsyncIterator[Self]:
        async with Connection.open(address.port) as connection:
            self = cls(connection)
            self._protocol.send_request(self._protocol.connect())
            await self._flush()
            while self._protocol.handshake_exc is None and not self._protocol.events_received():
                await self._feed()
            yield self

    async def send(self, *requests: Frame) -> None:
        if self._protocol.handshake_exc is None and not self._protocol.close_expected():
            for request in requests:
                self._protocol.send_text(json.dumps(request).encode())
            await self._flush()

    async def receive(self) -> list[Frame]:
        """Return the next frames; none at the end."""
        if self._protocol.handshake_exc is not None:
            return []
        while True:
            has_ended = not await self._feed()
            events = self._protocol.events_received()
            frames = [
                json.loads(event.data)
                for event in events
                if isinstance(event, WebSocketFrame) and event.opcode is Opcode.TEXT
            ]
            if frames or has_ended:
                return frames

    async def ask(self, request: Frame) -> Frame:
        """Send *request* and return its response; drop pushes before it."""
        await self.send(request)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while frames := await self.receive():
                for frame in frames:
                    if not is_push(frame):
                        return frame
        raise AssertionError(f"the connection ended before the response to {request}")

    async def _feed(self) -> bool:
        more = await self._connection.receive()
        if more:
            self._protocol.receive_data(more)
        else:
            self._protocol.receive_eof()
        await self._flush()
        return bool(more)

    async def _flush(self) -> None:
        for sent in self._protocol.data_to_send():
            if sent:
                await self._connection.send(sent)


class LinesConnection:
    """The lines protocol: lines out, JSON objects in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read = b""

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address) -> AsyncIterator[Self]:
        async with Connection.open(address.lines_port) as connection:
            yield cls(connection)

    async def send(self, *lines: str) -> None:
        await self._connection.send("".join(f"{line}\r\n" for line in lines).encode())

    async def receive(self) -> list[Frame]:
        """Return the next frames; none at the end."""
        while more := await self._connection.receive():
            *lines, self._read = (self._read + more).split(b"\r\n")
            if lines:
                return [json.loads(line) for line in lines]
        return []

    async def receive_until(self, type_: str, count: int = 1) -> list[Frame]:
        """Return the next frames, up to the *count*-th of *type_*."""
        received: list[Frame] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(frame["type"] == type_ for frame in received) < count:
                frames = await self.receive()
                assert frames, f"the connection ended after {received}"
                received += frames
        return received


class HttpConnection:
    """HTTP with keep-alive, to publish packages to channels."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read = b""

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address) -> AsyncIterator[Self]:
        async with Connection.open(address.port) as connection:
            yield cls(connection)

    async def post(self, *packages: tuple[str, bytes]) -> None:
        """Send *packages*, each a path and a body, in order."""
        await self._connection.send(
            b"".join(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
                for path, body in packages
            )
        )

    async def status(self) -> int | None:
        """Return the status of the next response; None at the end."""
        while (response := self._next()) is None:
            more = await self._connection.receive()
            if not more:
                return None
            self._read += more
        return response

    def _next(self) -> int | None:
        head, end, rest = self._read.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        if not end or len(rest) < length:
            return None
        self._read = rest[length:]
        return int(lines[0].split()[1])


def is_push(frame: Frame) -> bool:
    return "sender" in frame or "event" in frame


class Listener:
    """A member of one room, by the chateau protocol, that records all its messages."""

    def __init__(self, connection: ChateauConnection, ledger: Ledger) -> None:
        self._connection = connection
        self._ledger = ledger

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address, room: str, ledger: Ledger) -> AsyncIterator[Self]:
        """Connect and join *room*."""
        async with ChateauConnection.open(address) as connection:
            await connection.ask({"type": 1, "username": f"listener in {room}"})
            joined = await connection.ask({"type": 5, "room": room})
            assert joined["status"] == 200, joined
            yield cls(connection, ledger)

    async def listen(self) -> None:
        while frames := await self._connection.receive():
            for frame in frames:
                if "sender" in frame:
                    self._ledger.note_received(frame)


class Publisher:
    """A client that sends numbered messages; the numbers rise over all its connections.

    After a shutdown push, *is_stopping*, error responses are expected.
    """

    def __init__(self, name: str, ledger: Ledger, *, seed: int, window: int = 1) -> None:
        self.name = name
        self.random = Random(f"{seed} {name}")
        self.window = window
        self.ledger = ledger
        self.is_stopping = False
        self._number = 0

    async def publish(self, address: Address, rooms: Sequence[str]) -> None:
        """Publish in *rooms* until the connection ends."""
        raise NotImplementedError

    def _next_message(self, room: str, *, is_package: bool = False) -> Message:
        self._number += 1
        content = f"{self.name}-{self._number:05}"
        if self.random.random() < 0.05:
            content += " " + "x" * self.random.randint(*LONG_MESSAGES)
        return self.ledger.note_sent(room, self.name, self._number, content, is_package=is_package)

    def _note_rejected(self, response: object) -> None:
        self.ledger.refused += 1
        if not self.is_stopping and not self.ledger.may_be_full:
            raise Loss(f"{self.name} was rejected: {response}")


class ChateauPublisher(Publisher):
    """A member of all rooms, which publishes in random ones and records the messages that it receives."""

    async def publish(self, address: Address, rooms: Sequence[str]) -> None:
        self.is_stopping = False
        async with ChateauConnection.open(address) as connection:
            await connection.send(
                {"type": 1, "username": self.name}, *({"type": 5, "room": room} for room in rooms)
            )
            due: deque[Message] = deque()
            await self._fill(connection, due, rooms)
            while frames := await connection.receive():
                for frame in frames:
                    self._take(frame, due)
                await self._fill(connection, due, rooms)

    async def _fill(self, connection: ChateauConnection, due: deque[Message], rooms: Sequence[str]) -> None:
        new = [self._next_message(self.random.choice(rooms)) for _ in range(self.window - len(due))]
        due.extend(new)
        await connection.send(
            *(
                {"type": 7, "room": message.room, "content": message.content, "ref": message.number}
                for message in new
            )
        )

    def _take(self, frame: Frame, due: deque[Message]) -> None:
        match frame:
            case {"event": "shutdown"}:
                self.is_stopping = True
            case {"event": _}:
                pass
            case {"sender": _}:
                self.ledger.note_received(frame)
            case {"type": 7, "status": 200}:
                message = due.popleft()
                if (frame["ref"], frame["room"]) != (message.number, message.room):
                    raise Loss(f"{self.name} expected the response to {message.shown} and got {frame}")
                self.ledger.acknowledge(message, seq=frame["seq"], id_=frame["id"])
            case {"type": 7}:
                due.popleft()
                self._note_rejected(frame)
            case _:
                if frame["status"] != 200:
                    self._note_rejected(frame)


class RoomCreator(ChateauPublisher):
    """Sends each message in a new room; a new connection starts with the latest rooms."""

    def __init__(self, name: str, ledger: Ledger, *, seed: int, window: int) -> None:
        super().__init__(name, ledger, seed=seed, window=window)
        self._last: deque[str] = deque(maxlen=3 * window)
        self._next: list[str] = []
        self._found = 0

    async def publish(self, address: Address, rooms: Sequence[str]) -> None:
        self._next = list(self._last)
        await super().publish(address, ())

    async def _fill(self, connection: ChateauConnection, due: deque[Message], rooms: Sequence[str]) -> None:
        if len(due) < self.window:
            await asyncio.sleep(0.01)  # limit the rooms that are read at the end
        new = [self._next_message(self._room()) for _ in range(self.window - len(due))]
        due.extend(new)
        for message in new:
            await connection.send(
                {"type": 5, "room": message.room},
                {"type": 7, "room": message.room, "content": message.content, "ref": message.number},
            )

    def _room(self) -> str:
        if self._next:
            return self._next.pop()
        self._found += 1
        self._last.append(f"{self.name} found {self._found}")
        return self._last[-1]


class LinesPublisher(Publisher):
    """A member of one room, a random one per connection."""

    async def publish(self, address: Address, rooms: Sequence[str]) -> None:
        self.is_stopping = False
        room = self.random.choice(rooms)
        async with LinesConnection.open(address) as connection:
            due: deque[Message | None] = deque([None, None])  # LOGIN and JOIN get responses, too
            await connection.send(f"LOGIN {self.name}", f"JOIN {room}")
            await self._fill(connection, due, room)
            while frames := await connection.receive():
                for frame in frames:
                    self._take(frame, due)
                await self._fill(connection, due, room)

    async def _fill(self, connection: LinesConnection, due: deque[Message | None], room: str) -> None:
        new = [self._next_message(room) for _ in range(self.window - len(due))]
        due.extend(new)
        await connection.send(*(message.content for message in new))

    def _take(self, frame: Frame, due: deque[Message | None]) -> None:
        match frame["type"]:
            case "commandResult":
                message = due.popleft()
                if message is not None:
                    self.ledger.acknowledge(message)
            case "error":
                due.popleft()
                self._note_rejected(frame)
            case "shutdown":
                self.is_stopping = True


class ChannelPublisher(Publisher):
    """A client that posts packages to the channels of the rooms."""

    async def publish(self, address: Address, rooms: Sequence[str]) -> None:
        async with HttpConnection.open(address) as connection:
            due: deque[list[Message]] = deque()
            await self._fill(connection, due, rooms)
            while (status := await connection.status()) is not None:
                packages = due.popleft()
                if status == 201:
                    for message in packages:
                        self.ledger.acknowledge(message)
                else:
                    self._note_rejected(f"{status} for {packages[0].shown}")
                await self._fill(connection, due, rooms)

    async def _fill(
        self, connection: HttpConnection, due: deque[list[Message]], rooms: Sequence[str]
    ) -> None:
        new = [self._packages(rooms) for _ in range(self.window - len(due))]
        due.extend(new)
        await connection.post(*map(self._request, new))

    def _packages(self, rooms: Sequence[str]) -> list[Message]:
        return [self._next_message(self.random.choice(rooms), is_package=True)]

    def _request(self, packages: list[Message]) -> tuple[str, bytes]:
        (message,) = packages
        return f"/channel/{message.room}/", message.content.encode()


class BroadcastPublisher(ChannelPublisher):
    """Posts several packages to each channel at once; one response acknowledges all of them."""

    def _packages(self, rooms: Sequence[str]) -> list[Message]:
        return [self._next_message(room, is_package=True) for room in rooms for _ in range(2)]

    def _request(self, packages: list[Message]) -> tuple[str, bytes]:
        body: dict[str, list[Frame]] = {}
        for message in packages:
            body.setdefault(message.room, []).append({"text": message.content})
        return "/broadcast/", json.dumps(body).encode()


def eight_publishers(ledger: Ledger, seed: int) -> list[Publisher]:
    """Return publishers of three protocols, with 1 to 40 messages in flight."""
    return [
        ChateauPublisher("pub0", ledger, seed=seed, window=1),
        ChateauPublisher("pub1", ledger, seed=seed, window=40),
        RoomCreator("pub2", ledger, seed=seed, window=3),
        LinesPublisher("pub3", ledger, seed=seed, window=1),
        LinesPublisher("pub4", ledger, seed=seed, window=12),
        ChannelPublisher("pub5", ledger, seed=seed, window=1),
        ChannelPublisher("pub6", ledger, seed=seed, window=4),
        BroadcastPublisher("pub7", ledger, seed=seed, window=1),
    ]


def crowd(ledger: Ledger, seed: int, *, size: int) -> list[Publisher]:
    """Return *size* publishers of three protocols, each with 1 to 7 messages in flight."""
    kinds = (ChateauPublisher, LinesPublisher, ChannelPublisher)
    return [
        kinds[number % 3](f"pub{number}", ledger, seed=seed, window=1 + number % 7) for number in range(size)
    ]
