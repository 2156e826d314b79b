"""The session: one WebSocket, on which message files are sent and each response is matched with its request.

:class:`Session` sends and receives. :class:`SendSession` gets the messages from the command line, from a
prompt or from stdin, checks and shows the frames, and determines the exit code.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from chateau.client.arguments import Exit
from chateau.client.interactive.contract import Contract, Frame, decode, is_response_to
from chateau.client.messages import Message, MessageError, read
from chateau.client.transcript import Direction, Entry, OnEntry, Opcode, close_of
from chateau.client.transports import CannotConnect, ConnectionClosed, Target, open_connection

if TYPE_CHECKING:
    from chateau.client.interactive.display import Display
    from chateau.client.interactive.prompt import Prompt

T = TypeVar("T")

CLIENT_NAME = "client"  # in recordings
QUIT = "q"
CLOSING_SECONDS = 2.0  # for the server to close as well
RECEIVED = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE})


class SessionError(Exception):
    """There is no connection, or no response; the text states which."""


class NoResponse(SessionError):
    """A response was not received in time."""


@dataclass(eq=False)
class Request:
    """A message that was sent."""

    message: Message
    responded: asyncio.Event = field(default_factory=asyncio.Event)
    is_given_up: bool = False


OnFrame = Callable[[Frame, Request | None], None]


@dataclass(eq=False)
class Session:
    """One connection to the server, open inside an ``async with`` block and closed with 1000 after it.

    *on_frame* is called with each frame, and the request that it responds to; *record* with every entry.
    """

    target: Target
    on_frame: OnFrame
    timeout_seconds: float
    record: OnEntry | None = None

    def __post_init__(self) -> None:
        self._received: asyncio.Queue[Entry] = asyncio.Queue()
        self._close = b""
        self._requests: deque[Request] = deque()  # without a response

    async def __aenter__(self) -> Self:
        """Connect. Raises :class:`SessionError`."""
        try:
            self._connection = await open_connection(
                CLIENT_NAME, self.target, self._on_entry, self.timeout_seconds
            )
        except CannotConnect as exc:
            running = "Is the server running? `python server.py` or `make run` starts it."
            raise SessionError(f"{exc}\n{running if exc.status is None else 'Is the path right?'}") from exc
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close, and read the frames that the server sends before it closes."""
        await self._connection.close()
        await asyncio.wait({self._reading}, timeout=CLOSING_SECONDS)
        self._connection.abort()
        if not self._reading.cancel():
            self._reading.result()

    async def send(self, message: Message) -> Request:
        """Send *message*; its response is the next one that no earlier request takes.

        Raises:
            SessionError: the connection is closed.
        """
        request = Request(message)
        self._requests.append(request)
        try:
            await self._connection.send(Opcode.TEXT, message.text.encode())
        except ConnectionClosed as exc:
            raise self._gone() from exc
        return request

    async def wait_for_response(self, request: Request) -> None:
        """Wait until *request* has its response.

        Raises:
            NoResponse: it was not received in time; it is shown if it is received later.
            SessionError: the connection was closed first.
        """
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self.unless_gone(request.responded.wait())
        except TimeoutError as exc:
            request.is_given_up = True
            late = f"no response within {self.timeout_seconds:g} s to {request.message.name}"
            raise NoResponse(late) from exc

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of *work*; cancel it when the connection is closed.

        Raises:
            SessionError: the connection was closed first.
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
        if self.record is not None:
            self.record(entry)
        if entry.direction is Direction.RECEIVED and entry.opcode in RECEIVED:
            self._received.put_nowait(entry)

    async def _read(self) -> None:
        while (entry := await self._received.get()).opcode is not Opcode.CLOSE:
            frame = decode(entry)
            request = None if frame.is_push else self._take_request(frame)
            self.on_frame(frame, request)
            if request is not None:
                request.responded.set()
        self._close = entry.payload

    def _take_request(self, frame: Frame) -> Request | None:
        """Return the oldest request: responses are in order; only one that was given up may have none."""
        while self._requests:
            request = self._requests.popleft()
            if not request.is_given_up or is_response_to(frame, request.message):
                return request
        return None

    def _gone(self) -> SessionError:
        code, reason = close_of(self._close)
        how = f"{code}, {reason or 'no reason given'}" if code else "no code, no reason"
        error = self._connection.protocol_error
        return SessionError(error or f"the server closed the connection ({how})")


class SendSession:
    """Sends messages from the command line, a prompt or stdin, and shows and checks what is received."""

    def __init__(self, display: "Display", contract: Contract) -> None:
        self.display = display
        self.exit_code = Exit.WELL  # the first error determines it, except at a prompt
        self._is_lenient = False
        self._contract = contract

    def received(self, frame: Frame, request: Request | None) -> None:
        """Check and show *frame*."""
        faults = self._contract.faults(frame, request.message if request else None)
        self.display.received(frame, faults)
        if faults or frame.is_error_response:
            self._fail(Exit.ANSWER)

    async def send_all(self, session: Session, messages: Sequence[Message]) -> None:
        """Send *messages*, each after the response to the one before."""
        for message in messages:
            await session.wait_for_response(await self._send(session, message))

    async def send_from_prompt(self, session: Session, prompt: "Prompt") -> None:
        """Ask for messages and send them until the user quits; show errors, but keep the exit status 0."""
        self._is_lenient = True
        self.display = prompt.above(self.display)
        self.display.note("TAB completes the name of a message file, q quits.")
        while (name := await session.unless_gone(prompt.ask())) not in {None, QUIT}:
            for request in await self._send_file(session, name or ""):
                try:
                    await session.wait_for_response(request)
                except NoResponse as exc:
                    self.display.error(str(exc))

    async def send_from_stdin(self, session: Session) -> None:
        """Send the files named on stdin without waiting between them, then wait for all responses."""
        requests: list[Request] = []
        lines = stdin_lines()
        while (name := await session.unless_gone(lines.get())) not in {None, QUIT}:
            requests += await self._send_file(session, name or "")
        for request in requests:
            await session.wait_for_response(request)

    async def _send_file(self, session: Session, name: str) -> list[Request]:
        """Send the file called *name*; nothing if the name is empty or there is no such file."""
        try:
            return [await self._send(session, read(name))] if name else []
        except MessageError as exc:
            self.display.error(str(exc))
            self._fail(Exit.FILE)
            return []

    def _fail(self, code: Exit) -> None:
        if not self._is_lenient:
            self.exit_code = self.exit_code or code

    async def _send(self, session: Session, message: Message) -> Request:
        request = await session.send(message)
        self.display.sent(message)
        return request


def stdin_lines() -> "asyncio.Queue[str | None]":
    """Return a queue of the lines of stdin without the white space around them, then None.

    A thread reads, because stdin can be anything and not every file descriptor can be polled. It reads
    without Python's buffer: a process that exits while a thread holds the lock of that buffer crashes.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def read_all() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            if sys.stdin is not None:
                with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stream:
                    for line in stream:
                        loop.call_soon_threadsafe(queue.put_nowait, os.fsdecode(line).strip())
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read_all, name="stdin", daemon=True).start()
    return queue
