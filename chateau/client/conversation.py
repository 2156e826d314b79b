"""The conversation: one WebSocket, requests out, frames in, each answer matched with its request.

It neither prints nor judges: every frame goes to ``on_frame``, with the request that it answers. The wire is
Tornado's own client, another implementation than the server's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketError,
    websocket_connect,
)

from chateau.client.contract import is_answer_to
from chateau.client.frame import Frame, decode
from chateau.client.messages import Message

T = TypeVar("T")

NORMAL_CLOSURE = 1000
CLOSING_SECONDS = 2.0  # for the server to say goodbye in its turn
LARGEST_FRAME_BYTES = 64 * 2**20
TIMED_OUT = 599  # Tornado's, where there was no HTTP answer at all


class ConversationError(Exception):
    """There is no connection, or no answer; the text says which."""


class CannotConnect(ConversationError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"cannot connect to {url}: {reason}\n"
            "Is the server running? `python server.py` or `make run` starts it."
        )


class ServerGone(ConversationError):
    def __init__(self, code: int | None, reason: str | None) -> None:
        said = f"{code}, {reason or 'no reason given'}" if code else "no code, no reason"
        super().__init__(f"the server closed the connection ({said})")


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
    """One connection to the server, as an ``async with`` block: open inside it, closed with 1000 after it."""

    def __init__(self, url: str, on_frame: OnFrame, *, timeout_seconds: float) -> None:
        self._url = url
        self._on_frame = on_frame
        self._timeout_seconds = timeout_seconds
        self._unanswered: deque[Request] = deque()

    async def __aenter__(self) -> Self:
        """Connect. Raises :class:`CannotConnect`."""
        self._socket = await _connect(self._url, self._timeout_seconds)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. What the server still sends until its own goodbye is shown."""
        self._socket.close(NORMAL_CLOSURE)
        await asyncio.wait({self._reading}, timeout=CLOSING_SECONDS)
        if self._reading.cancel():
            return
        self._reading.result()

    def send(self, message: Message) -> Request:
        """Send *message*; its answer is the next one that no earlier request takes.

        Raises:
            ServerGone: the connection is closed.
        """
        request = Request(message)
        try:
            self._socket.write_message(message.text)
        except WebSocketClosedError as exc:
            raise self._gone() from exc
        self._unanswered.append(request)
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

    async def _read(self) -> None:
        while (payload := await self._socket.read_message()) is not None:
            self._take(decode(payload))

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
        return ServerGone(self._socket.close_code, self._socket.close_reason)


async def _connect(url: str, timeout_seconds: float) -> WebSocketClientConnection:
    request = HTTPRequest(url, connect_timeout=timeout_seconds, request_timeout=timeout_seconds)
    try:
        return await websocket_connect(request, max_message_size=LARGEST_FRAME_BYTES)
    except HTTPClientError as exc:
        reason = exc.message if exc.code == TIMED_OUT else f"the server answers {exc}; is the path right?"
        raise CannotConnect(url, reason) from exc
    except (OSError, WebSocketError, UnicodeError) as exc:  # the last for what cannot be a host's name
        raise CannotConnect(url, getattr(exc, "strerror", None) or str(exc)) from exc
