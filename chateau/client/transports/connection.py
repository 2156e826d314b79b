"""The wire: one client's connection, whose every entry is told in the order of the wire.

It moves bytes between a stream and a framing, tells what passes, and keeps two promises: what is sent is told
before it is written, and of what is received the goodbye is told last.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from chateau.client.transcript import ABORTED, HALF_CLOSED, Direction, Entry, OnEntry, Opcode
from chateau.client.transports.errors import CannotConnect, ConnectionClosed, NotPossible, Refused
from chateau.client.transports.event_stream import EventStreamFraming
from chateau.client.transports.framing import Framing, Step
from chateau.client.transports.lines import LineFraming
from chateau.client.transports.stream import Stream
from chateau.client.transports.target import Address, Target, address_of
from chateau.client.transports.websocket import WebSocketFraming

CLOSING_SECONDS = 2.0  # for the server to close a connection after both have said goodbye
PAUSE_SECONDS = 0.01  # between the pieces of a write
MOST_UNREAD_BYTES = 16 * 2**20  # a server that pings on and on and reads nothing gets no more pongs

Split = int | Sequence[int] | None

FRAMINGS: dict[str, Callable[[Target], Framing]] = {
    "ws": WebSocketFraming,
    "wss": WebSocketFraming,
    "tcp": lambda target: LineFraming(target.line_end),
    "tls": lambda target: LineFraming(target.line_end),
    "http": EventStreamFraming,
    "https": EventStreamFraming,
}


async def open_connection(
    client: str, target: Target, on_entry: OnEntry, timeout_seconds: float = 5.0
) -> "Connection":
    """Connect *client* to *target*. Whoever opens a wire ends it by :meth:`Connection.abort`, at the latest.

    *on_entry* hears of everything from then on, and must not raise.

    Raises:
        CannotConnect: nobody listens there, the server refused, or it said nothing for *timeout_seconds*.
    """
    address = address_of(target.url)
    try:
        wire = Connection(client, target, FRAMINGS[address.scheme](target), on_entry)
    except Refused as exc:
        raise CannotConnect(target.url, exc.reason) from exc
    try:
        async with asyncio.timeout(timeout_seconds):
            await wire.open(address)
    except TimeoutError:
        try:
            reason = f"{wire.why_unopened()} (waited {timeout_seconds:g} s)"
        except Refused as exc:
            raise CannotConnect(target.url, exc.reason, exc.status) from exc
        raise CannotConnect(target.url, reason) from None
    except Refused as exc:
        raise CannotConnect(target.url, exc.reason, exc.status) from exc
    return wire


class Connection:
    """An open connection; see :func:`open_connection`."""

    __slots__ = (
        "_ended",
        "_framing",
        "_held",
        "_is_cutting",
        "_is_half_closed",
        "_on_entry",
        "_opened",
        "_said_goodbye",
        "_stream",
        "_writing",
        "client",
        "target",
    )

    def __init__(self, client: str, target: Target, framing: Framing, on_entry: OnEntry) -> None:
        self.client = client
        self.target = target
        self._framing = framing
        self._on_entry = on_entry
        self._stream = Stream(self)
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._writing = asyncio.Lock()
        self._is_cutting = False  # a write is under way in pieces, and nothing may come between them
        self._held: list[Step] = []  # what waits for its end
        self._is_half_closed = False
        self._said_goodbye = False

    @property
    def is_open(self) -> bool:
        """Whether neither side has said goodbye; a wire that is half closed is open."""
        return self._opened.done() and not self._said_goodbye and not self._ended.is_set()

    @property
    def flaw(self) -> str | None:
        """How the server broke the framing, in a sentence, and so ended the wire."""
        return self._framing.flaw

    async def open(self, address: Address) -> None:
        """Raises :class:`Refused`."""
        try:
            await self._stream.connect(address, self.target.local_address)
            await self._opened
        except BaseException:
            if not self._opened.cancel() and not self._opened.cancelled():
                self._opened.exception()  # told by now, if there is one
            self._ended.set()
            self._stream.drop()
            raise

    def why_unopened(self) -> str:
        """What a handshake that took too long came to. Raises :class:`Refused`."""
        return self._framing.unanswered() if self._stream.was_connected else "there is no connection"

    async def send(
        self, opcode: Opcode, payload: bytes, split: Split = None, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """Send one frame or line; with *split*, in pieces of so many bytes, or cut at these places.

        Raises:
            ConnectionClosed: a goodbye was said, or the connection is lost.
            NotPossible: there is no such frame here.
        """
        data = self._framing.frame(opcode, payload)
        async with self._writing:
            if not self.is_open:
                raise ConnectionClosed(f"{self.client}'s connection is closed")
            await self._write(opcode, payload, data, split, pause_seconds)

    async def send_raw(self, data: bytes, split: Split = None, pause_seconds: float = PAUSE_SECONDS) -> None:
        """Write *data* past the framing, after a goodbye too.

        Raises:
            ConnectionClosed: the connection is lost, or closed on this side.
        """
        async with self._writing:
            await self._write(Opcode.RAW, data, data, split, pause_seconds)

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Say goodbye: a WebSocket by a close frame, the others by closing their side. What comes is told.

        Nothing happens where a goodbye was said before. Raises :class:`NotPossible` for a code that is none.
        """
        async with self._writing:
            if not self.is_open:
                return
            step = self._framing.goodbye(code, reason)
            self._said_goodbye = True
            if self._is_half_closed:
                return
            if step is not None:
                self._answer(step)
                return
            self._record(Direction.SENT, Opcode.CLOSE, b"")
            if self._stream.can_half_close:
                self._stream.write_eof()
            else:
                self._stream.close()

    async def half_close(self) -> None:
        """Send no more, and go on reading.

        Raises:
            ConnectionClosed: the connection is closed.
            NotPossible: it is TLS.
        """
        async with self._writing:
            self._check_writable()
            if not self._stream.can_half_close:
                raise NotPossible("a TLS connection cannot be half closed: its goodbye ends both ways")
            self._record(Direction.SENT, Opcode.CLOSE, HALF_CLOSED)
            self._is_half_closed = True
            self._stream.write_eof()

    def abort(self) -> None:
        """End the connection now, by a reset where no goodbye was said. Nothing is told of it any more."""
        if self.is_open:
            self._record(Direction.SENT, Opcode.CLOSE, ABORTED)
            self._stream.reset()
        else:
            self._stream.drop()
        self._said_goodbye = True
        self._ended.set()

    async def ended(self, timeout_seconds: float | None = None) -> None:
        """Wait until the server has said goodbye, or is gone. Raises :class:`TimeoutError`."""
        async with asyncio.timeout(timeout_seconds):
            await self._ended.wait()

    # What the stream calls.

    def connected(self) -> None:
        self._stream.write(self._framing.opening())
        self._take([])

    def data_came(self, data: bytes) -> None:
        if self._ended.is_set():
            return
        try:
            self._take(self._framing.receive(data))
        except Refused as exc:
            self._refuse(exc)

    def data_ended(self, error: Exception | None) -> None:
        if not self._ended.is_set():
            try:
                self._take(self._framing.end())
            except Refused as exc:
                reset = Refused("the server reset the connection during the handshake")
                self._refuse(reset if isinstance(error, ConnectionResetError) and exc.status is None else exc)
            else:
                self._end()
        self._stream.close()

    # ---

    def _take(self, steps: list[Step]) -> None:
        if self._framing.is_ready and not self._opened.done():
            self._record(Direction.SENT, Opcode.OPEN, _opening(self.target))
            self._opened.set_result(None)
        for step in steps:
            if step.direction is Direction.SENT:
                self._answer(step)
            else:
                self._record(*step[:3])
                if step.opcode is Opcode.CLOSE:
                    self._ended.set()
        if self._framing.is_over:
            self._end()

    def _refuse(self, refused: Refused) -> None:
        self._ended.set()
        if not self._opened.done():
            self._opened.set_exception(refused)
        self._stream.close()

    def _end(self) -> None:
        """The framing is over: nothing that comes after counts."""
        if not self._ended.is_set():
            self._record(Direction.RECEIVED, Opcode.CLOSE, b"")
            self._ended.set()
        if self.flaw is None and self._stream.is_connected:
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._stream.close)
        else:
            self._stream.close()

    def _answer(self, step: Step) -> None:
        """Send what the framing says, but not into the middle of a write."""
        if self._is_cutting:
            self._held.append(step)
        elif not self._is_half_closed and self._stream.unread_bytes < MOST_UNREAD_BYTES:
            self._record(step.direction, step.opcode, step.payload)
            self._stream.write(step.data)

    async def _write(
        self, opcode: Opcode, payload: bytes, data: bytes, split: Split, pause_seconds: float
    ) -> None:
        self._check_writable()
        self._record(Direction.SENT, opcode, payload)
        if split is None:
            self._stream.write(data)
            await self._stream.flush()
            return
        self._is_cutting = True
        try:
            await self._write_pieces(_pieces(data, split), pause_seconds)
        finally:
            self._is_cutting = False
            held, self._held = self._held, []
            for step in held:
                self._answer(step)

    async def _write_pieces(self, pieces: list[bytes], pause_seconds: float) -> None:
        for index, piece in enumerate(pieces):
            if index:
                await asyncio.sleep(pause_seconds)
            self._stream.write(piece)
            await self._stream.flush()

    def _check_writable(self) -> None:
        if self._is_half_closed or not self._stream.is_connected:
            raise ConnectionClosed(f"{self.client}'s connection is closed")

    def _record(self, direction: Direction, opcode: Opcode, payload: bytes) -> None:
        self._on_entry(Entry(time.time(), self.client, direction, opcode, payload))


def _pieces(data: bytes, split: int | Sequence[int]) -> list[bytes]:
    if isinstance(split, int):
        places = list(range(split, len(data), split)) if split > 0 else []
    else:
        places = sorted({place for place in split if 0 < place < len(data)})
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]


def _opening(target: Target) -> bytes:
    opening: dict[str, object] = {"protocol": target.protocol, "url": target.url}
    if target.headers:
        opening["headers"] = target.headers
    if target.local_address:
        opening["from"] = target.local_address
    return json.dumps(opening, ensure_ascii=False).encode()
