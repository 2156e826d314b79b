"""The conversation: one WebSocket, requests out, frames in, each answer matched with its request.

It neither prints nor judges: every frame goes to ``on_frame``, with the request that it answers.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from chateau.client import transports
from chateau.client.interactive.contract import is_answer_to
from chateau.client.interactive.frame import Frame, decode
from chateau.client.messages import Message
from chateau.client.transcript import Direction, Entry, OnEntry, Opcode, close_of
from chateau.client.transports import ConnectionClosed, Target, open_connection

T = TypeVar("T")

NAME = "client"  # in recordings
PROTOCOL = "chateau"
CLOSING_SECONDS = 2.0  # for the server to say goodbye in its turn
HEARD = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE})


class ConversationError(Exception):
    """There is no connection, or no answer; the text says which."""


class CannotConnect(ConversationError):
    def __init__(self, error: transports.CannotConnect) -> None:
        running = "Is the server running? `python server.py` or `make run` starts it."
        super().__init__(f"{error}\n{running if error.status is None else 'Is the path right?'}")


class ServerGone(ConversationError):
    def __init__(self, code: int | None, reason: str, flaw: str | None) -> None:
        said = f"{code}, {reason or 'no reason given'}" if code else "no code, no reason"
        super().__init__(flaw or f"the server closed the connection ({said})")


class NoAnswer(ConversationError):
    def __init__(self, message: Message, timeout_seconds: float) -> None:
        super().__init__(f"no answer within {timeout_seconds:g} s to {message.name}")


class Request:
    """A message that was sent, until its answer has come."""

    __slots__ = ("answered", "given_up", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.answered = asyncio.Event()
        self.given_up = False


OnFrame = Callable[[Frame, Request | None], None]


class Conversation:
    """One connection to the server, as an ``async with`` block: open inside it, closed with 1000 after it.

    *record* hears of everything that goes over the wire.
    """

    def __init__(
        self, url: str, on_frame: OnFrame, *, timeout_seconds: float, record: OnEntry | None = None
    ) -> None:
        self._target = Target(PROTOCOL, url)
        self._on_frame = on_frame
        self._timeout_seconds = timeout_seconds
        self._record = record
        self._heard: asyncio.Queue[Entry] = asyncio.Queue()
        self._close = b""
        self._unanswered: deque[Request] = deque()

    async def __aenter__(self) -> Self:
        """Connect. Raises :class:`CannotConnect`."""
        try:
            self._wire = await open_connection(NAME, self._target, self._on_entry, self._timeout_seconds)
        except transports.CannotConnect as exc:
            raise CannotConnect(exc) from exc
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. What the server still sends until its own goodbye is shown."""
        await self._wire.close()
        await asyncio.wait({self._reading}, timeout=CLOSING_SECONDS)
        self._wire.abort()
        if not self._reading.cancel():
            self._reading.result()

    async def send(self, message: Message) -> Request:
        """Send *message*; its answer is the next one that no earlier request takes.

        Raises:
            ServerGone: the connection is closed.
        """
        request = Request(message)
        self._unanswered.append(request)
        try:
            await self._wire.send(Opcode.TEXT, message.text.encode())
        except ConnectionClosed as exc:
            raise self._gone() from exc
        return request

    async def answer(self, request: Request) -> None:
        """Wait until *request* is answered.

        Raises:
            NoAnswer: it was not, in time; it may be later, and is shown then.
            ServerGone: the connection was closed first.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self.unless_gone(request.answered.wait())
        except TimeoutError as exc:
            request.given_up = True
            raise NoAnswer(request.message, self._timeout_seconds) from exc

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of *work*, which is given up as soon as the connection is.

        Raises:
            ServerGone: the connection was closed first.
        """
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, self._reading}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            self._reading.result()
            raise self._gone()
        finally:
            if task.cancel():
                await asyncio.wait({task})

    def _on_entry(self, entry: Entry) -> None:
        if self._record is not None:
            self._record(entry)
        if entry.direction is Direction.RECEIVED and entry.opcode in HEARD:
            self._heard.put_nowait(entry)

    async def _read(self) -> None:
        while (entry := await self._heard.get()).opcode is not Opcode.CLOSE:
            self._take(decode(entry))
        self._close = entry.payload

    def _take(self, frame: Frame) -> None:
        request = None if frame.is_push else self._asked(frame)
        self._on_frame(frame, request)
        if request is not None:
            request.answered.set()

    def _asked(self, frame: Frame) -> Request | None:
        """Answers come in the order of the requests; only one that was given up may go without."""
        while self._unanswered:
            request = self._unanswered.popleft()
            if not request.given_up or is_answer_to(frame, request.message):
                return request
        return None

    def _gone(self) -> ServerGone:
        return ServerGone(*close_of(self._close), self._wire.flaw)
