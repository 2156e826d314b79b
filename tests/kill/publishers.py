"""Publishers and listeners of three protocols, who go on until their connection ends, however it does.

Everything that they send and hear goes into a ledger. Each keeps several messages in flight, as many as
its *window*; a message counts as sent before its first byte is, and as acknowledged when the whole answer
is there.
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

from ledger import Ledger, Loss, Said
from websockets.client import ClientProtocol
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.uri import parse_uri

PATIENCE_SECONDS = 10
RECEIVE_BYTES = 262_144
LONG_MESSAGES = (200, 3000)
"""Characters of the few messages that are longer than their name."""

Frame = dict[str, Any]


class House(NamedTuple):
    """Where the server is."""

    port: int
    lines_port: int


class Connection:
    """A TCP connection of which everything is read that came, also when nothing can be sent any more.

    asyncio's own streams forget what they have not read yet when a write fails.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[Self]:
        """Connect; when nobody is there, the connection has ended already."""
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
        with suppress(OSError):  # what came before is still to be read
            await self._loop.sock_sendall(self._sock, sent)

    async def receive(self) -> bytes:
        """Some bytes; none at the end."""
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
    async def open(cls, house: House) -> AsyncIterator[Self]:
        async with Connection.open(house.port) as connection:
            self = cls(connection)
            self._protocol.send_request(self._protocol.connect())
            await self._flush()
            while self._protocol.handshake_exc is None and not self._protocol.events_received():
                await self._feed()
            yield self

    async def say(self, *requests: Frame) -> None:
        if self._protocol.handshake_exc is None and not self._protocol.close_expected():
            for request in requests:
                self._protocol.send_text(json.dumps(request).encode())
            await self._flush()

    async def hear(self) -> list[Frame]:
        """The next frames; none at the end."""
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
        """Send *request*; returns its answer. Pushes that come with it are dropped."""
        await self.say(request)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while frames := await self.hear():
                for frame in frames:
                    if not is_push(frame):
                        return frame
        raise AssertionError(f"the connection ended in place of an answer to {request}")

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
    async def open(cls, house: House) -> AsyncIterator[Self]:
        async with Connection.open(house.lines_port) as connection:
            yield cls(connection)

    async def say(self, *lines: str) -> None:
        await self._connection.send("".join(f"{line}\r\n" for line in lines).encode())

    async def hear(self) -> list[Frame]:
        """The next frames; none at the end."""
        while more := await self._connection.receive():
            *lines, self._read = (self._read + more).split(b"\r\n")
            if lines:
                return [json.loads(line) for line in lines]
        return []

    async def hear_until(self, type_: str, count: int = 1) -> list[Frame]:
        """The next frames, *count* of them of *type_*."""
        heard: list[Frame] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(frame["type"] == type_ for frame in heard) < count:
                frames = await self.hear()
                assert frames, f"the connection ended after {heard}"
                heard += frames
        return heard


class HttpConnection:
    """HTTP with keep-alive: packages for channels."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read = b""

    @classmethod
    @asynccontextmanager
    async def open(cls, house: House) -> AsyncIterator[Self]:
        async with Connection.open(house.port) as connection:
            yield cls(connection)

    async def post(self, *packages: tuple[str, bytes]) -> None:
        """Send *packages*, each a path and a body, one after the other."""
        await self._connection.send(
            b"".join(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
                for path, body in packages
            )
        )

    async def status(self) -> int | None:
        """The next answer's; None at the end."""
        while (answer := self._next()) is None:
            more = await self._connection.receive()
            if not more:
                return None
            self._read += more
        return answer

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
    """A member of one room, of the chateau protocol, who notes all that is said there."""

    def __init__(self, connection: ChateauConnection, ledger: Ledger) -> None:
        self._connection = connection
        self._ledger = ledger

    @classmethod
    @asynccontextmanager
    async def open(cls, house: House, room: str, ledger: Ledger) -> AsyncIterator[Self]:
        """One who is inside already."""
        async with ChateauConnection.open(house) as connection:
            await connection.ask({"type": 1, "username": f"ear in {room}"})
            joined = await connection.ask({"type": 5, "room": room})
            assert joined["status"] == 200, joined
            yield cls(connection, ledger)

    async def listen(self) -> None:
        while frames := await self._connection.hear():
            for frame in frames:
                if "sender" in frame:
                    self._ledger.hear(frame)


class Publisher:
    """One who says numbered messages; the numbers go on rising from connection to connection.

    Once the server has said that it shuts down, *is_stopping*, refusals are no surprise any more.
    """

    def __init__(self, name: str, ledger: Ledger, *, seed: int, window: int = 1) -> None:
        self.name = name
        self.random = Random(f"{seed} {name}")
        self.window = window
        self.ledger = ledger
        self.is_stopping = False
        self._number = 0

    async def publish(self, house: House, rooms: Sequence[str]) -> None:
        """Publish in *rooms* until the connection ends."""
        raise NotImplementedError

    def _say(self, room: str, *, is_package: bool = False) -> Said:
        self._number += 1
        content = f"{self.name}-{self._number:05}"
        if self.random.random() < 0.05:
            content += " " + "x" * self.random.randint(*LONG_MESSAGES)
        return self.ledger.say(room, self.name, self._number, content, is_package=is_package)

    def _is_refused(self, answer: object) -> None:
        self.ledger.refused += 1
        if not self.is_stopping and not self.ledger.may_be_full:
            raise Loss(f"{self.name} was refused: {answer}")


class ChateauPublisher(Publisher):
    """A member of all its rooms: publishes here and there, and notes what it hears."""

    async def publish(self, house: House, rooms: Sequence[str]) -> None:
        self.is_stopping = False
        async with ChateauConnection.open(house) as connection:
            await connection.say(
                {"type": 1, "username": self.name}, *({"type": 5, "room": room} for room in rooms)
            )
            due: deque[Said] = deque()
            await self._fill(connection, due, rooms)
            while frames := await connection.hear():
                for frame in frames:
                    self._take(frame, due)
                await self._fill(connection, due, rooms)

    async def _fill(self, connection: ChateauConnection, due: deque[Said], rooms: Sequence[str]) -> None:
        new = [self._say(self.random.choice(rooms)) for _ in range(self.window - len(due))]
        due.extend(new)
        await connection.say(
            *({"type": 7, "room": said.room, "content": said.content, "ref": said.number} for said in new)
        )

    def _take(self, frame: Frame, due: deque[Said]) -> None:
        match frame:
            case {"event": "shutdown"}:
                self.is_stopping = True
            case {"event": _}:
                pass
            case {"sender": _}:
                self.ledger.hear(frame)
            case {"type": 7, "status": 200}:
                said = due.popleft()
                if (frame["ref"], frame["room"]) != (said.number, said.room):
                    raise Loss(f"{self.name} waited for the answer to {said.shown} and got {frame}")
                self.ledger.acknowledge(said, seq=frame["seq"], id_=frame["id"])
            case {"type": 7}:
                due.popleft()
                self._is_refused(frame)
            case _:
                if frame["status"] != 200:
                    self._is_refused(frame)


class Wanderer(ChateauPublisher):
    """Says each message in a room that is new; with a new connection first in those that were new last."""

    def __init__(self, name: str, ledger: Ledger, *, seed: int, window: int) -> None:
        super().__init__(name, ledger, seed=seed, window=window)
        self._last: deque[str] = deque(maxlen=3 * window)
        self._next: list[str] = []
        self._found = 0

    async def publish(self, house: House, rooms: Sequence[str]) -> None:
        self._next = list(self._last)
        await super().publish(house, ())

    async def _fill(self, connection: ChateauConnection, due: deque[Said], rooms: Sequence[str]) -> None:
        if len(due) < self.window:
            await asyncio.sleep(0.01)  # rooms are to be read, too, in the end
        new = [self._say(self._room()) for _ in range(self.window - len(due))]
        due.extend(new)
        for said in new:
            await connection.say(
                {"type": 5, "room": said.room},
                {"type": 7, "room": said.room, "content": said.content, "ref": said.number},
            )

    def _room(self) -> str:
        if self._next:
            return self._next.pop()
        self._found += 1
        self._last.append(f"{self.name} found {self._found}")
        return self._last[-1]


class LinesPublisher(Publisher):
    """A member of one of the rooms, another one each time."""

    async def publish(self, house: House, rooms: Sequence[str]) -> None:
        self.is_stopping = False
        room = self.random.choice(rooms)
        async with LinesConnection.open(house) as connection:
            due: deque[Said | None] = deque([None, None])  # to come in is answered, too
            await connection.say(f"LOGIN {self.name}", f"JOIN {room}")
            await self._fill(connection, due, room)
            while frames := await connection.hear():
                for frame in frames:
                    self._take(frame, due)
                await self._fill(connection, due, room)

    async def _fill(self, connection: LinesConnection, due: deque[Said | None], room: str) -> None:
        new = [self._say(room) for _ in range(self.window - len(due))]
        due.extend(new)
        await connection.say(*(said.content for said in new))

    def _take(self, frame: Frame, due: deque[Said | None]) -> None:
        match frame["type"]:
            case "commandResult":
                said = due.popleft()
                if said is not None:
                    self.ledger.acknowledge(said)
            case "error":
                due.popleft()
                self._is_refused(frame)
            case "shutdown":
                self.is_stopping = True


class ChannelPublisher(Publisher):
    """No member of anything: posts packages to the rooms' channels."""

    async def publish(self, house: House, rooms: Sequence[str]) -> None:
        async with HttpConnection.open(house) as connection:
            due: deque[list[Said]] = deque()
            await self._fill(connection, due, rooms)
            while (status := await connection.status()) is not None:
                parcel = due.popleft()
                if status == 201:
                    for said in parcel:
                        self.ledger.acknowledge(said)
                else:
                    self._is_refused(f"{status} for {parcel[0].shown}")
                await self._fill(connection, due, rooms)

    async def _fill(self, connection: HttpConnection, due: deque[list[Said]], rooms: Sequence[str]) -> None:
        new = [self._parcel(rooms) for _ in range(self.window - len(due))]
        due.extend(new)
        await connection.post(*map(self._request, new))

    def _parcel(self, rooms: Sequence[str]) -> list[Said]:
        return [self._say(self.random.choice(rooms), is_package=True)]

    def _request(self, parcel: list[Said]) -> tuple[str, bytes]:
        (said,) = parcel
        return f"/channel/{said.room}/", said.content.encode()


class BroadcastPublisher(ChannelPublisher):
    """Posts to all channels at once, several packages to each: one answer acknowledges all of them."""

    def _parcel(self, rooms: Sequence[str]) -> list[Said]:
        return [self._say(room, is_package=True) for room in rooms for _ in range(2)]

    def _request(self, parcel: list[Said]) -> tuple[str, bytes]:
        body: dict[str, list[Frame]] = {}
        for said in parcel:
            body.setdefault(said.room, []).append({"text": said.content})
        return "/broadcast/", json.dumps(body).encode()


def eight_publishers(ledger: Ledger, seed: int) -> list[Publisher]:
    """Of three protocols, from the one who waits for each answer to the one with forty in flight."""
    return [
        ChateauPublisher("pub0", ledger, seed=seed, window=1),
        ChateauPublisher("pub1", ledger, seed=seed, window=40),
        Wanderer("pub2", ledger, seed=seed, window=3),
        LinesPublisher("pub3", ledger, seed=seed, window=1),
        LinesPublisher("pub4", ledger, seed=seed, window=12),
        ChannelPublisher("pub5", ledger, seed=seed, window=1),
        ChannelPublisher("pub6", ledger, seed=seed, window=4),
        BroadcastPublisher("pub7", ledger, seed=seed, window=1),
    ]


def crowd(ledger: Ledger, seed: int, *, size: int) -> list[Publisher]:
    """*size* publishers of three protocols, each with some in flight."""
    kinds = (ChateauPublisher, LinesPublisher, ChannelPublisher)
    return [
        kinds[number % 3](f"pub{number}", ledger, seed=seed, window=1 + number % 7) for number in range(size)
    ]
