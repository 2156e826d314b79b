"""The commands of plug-ins: their API, and running them as tasks.

Each command runs as a task that ends with the session of its caller. An exception in it is reported to its
caller, logged once, and affects nobody else. Plug-ins use :mod:`chateau.plugins`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chateau.hub.errors import HubError
from chateau.hub.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from chateau.hub.hub import Hub
    from chateau.hub.ports import EventSink

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Maximum number of plug-in commands that one session can run at the same time."""

SERVER_ID = "00"
"""The id that the server sends under: digits, as the ids of sessions, but those have no leading zero."""


class Caller(Protocol):
    """The client that gave a command."""

    session: Session
    is_admin: bool  # it has presented the secret key

    def reply(self, text: str) -> None:
        """Send the caller *text*, in the server's name."""

    def refuse(self, error: HubError) -> None:
        """Send the caller the error of its command."""

    def move(self, room: str, password: str | None) -> None:
        """Move the caller from its room into *room*, and notify it."""


class Command(NamedTuple):
    """A command of a plug-in; *run* is called with the server, the user and the words after the name."""

    name: str
    usage: str
    help: str
    run: Callable[[Server, User, list[str]], Coroutine[Any, Any, str | None]]


class Server:
    """The server, on the side of a plug-in."""

    def __init__(self, hub: Hub, name: str, protocol: EventSink) -> None:
        self.name = name
        self._hub = hub
        # Not a connection: the hub takes the sender of a message from it.
        self._voice = Session(id=SERVER_ID, address="", port=0, protocol=protocol, outbox=None)
        self._voice.name = name

    def usernames(self) -> list[str]:
        """Return all registered usernames, sorted."""
        return list(self._hub.usernames())

    def rooms(self) -> list[str]:
        """Return the names of all rooms, sorted."""
        return [summary.room for summary in self._hub.room_summaries()]

    def message(self, username: str, text: str) -> None:
        """Send *text* to *username* only, in the server's name.

        Raises:
            UnknownRecipient: nobody holds that name.
            TypeError, ValueError: *text* is no text, or has lone surrogates.
        """
        self._hub.message(self._voice, [username], checked(text))


class User:
    """The user of a command, on the side of a plug-in. Replies after the end of the session are discarded."""

    def __init__(self, caller: Caller) -> None:
        self.name = caller.session.name
        self._caller = caller

    @property
    def room(self) -> str | None:
        """The name of the room that the user is in."""
        room = self._caller.session.room
        return None if room is None else room.name

    @property
    def is_admin(self) -> bool:
        """Whether the user has presented the secret key, by ``!auth``."""
        return self._caller.is_admin

    def reply(self, text: str) -> None:
        """Send the user *text*, in the server's name.

        Raises:
            TypeError, ValueError: *text* is no text, or has lone surrogates.
        """
        self._caller.reply(checked(text))


class CommandFailed(HubError):
    code = "internal"

    def __init__(self, command: str) -> None:
        super().__init__(f"The command {command} failed; the server has logged why.")


class TooManyCommands(HubError):
    code = "rate_limited"

    def __init__(self) -> None:
        super().__init__(f"You have {AT_ONCE} commands running: wait until one of them ends.")


class Runner:
    """The commands of plug-ins that are running."""

    def __init__(
        self,
        server: Server,
        *,
        prefix: str,
        create_task: Callable[[Coroutine[Any, Any, None]], asyncio.Future[None]],
    ) -> None:
        self._server = server
        self._prefix = prefix
        self._create_task = create_task
        self._running: dict[Caller, set[asyncio.Future[None]]] = {}

    def start(self, caller: Caller, command: Command, words: list[str]) -> None:
        """Run *command* for *caller*, from the next iteration of the loop.

        Raises:
            TooManyCommands: *caller* has the maximum number of them running.
        """
        running = self._running.setdefault(caller, set())
        if len(running) >= AT_ONCE:
            raise TooManyCommands
        task = self._create_task(self._run(caller, command, words))
        running.add(task)
        task.add_done_callback(lambda task: self._forget(caller, task))

    def end(self, caller: Caller) -> None:
        """Cancel the commands of *caller*, whose session has ended."""
        for task in self._running.pop(caller, ()):
            task.cancel()

    def _forget(self, caller: Caller, task: asyncio.Future[None]) -> None:
        running = self._running.get(caller)
        if running is not None:
            running.discard(task)
            if not running:
                del self._running[caller]

    async def _run(self, caller: Caller, command: Command, words: Sequence[str]) -> None:
        try:
            await self._respond(caller, command, list(words))
        except asyncio.CancelledError:
            if is_being_cancelled():
                raise
            self._report_failure(caller, command)  # it awaited something that was cancelled
        except BaseException:  # also KeyboardInterrupt and SystemExit, which would end the event loop
            self._report_failure(caller, command)

    async def _respond(self, caller: Caller, command: Command, words: list[str]) -> None:
        user = User(caller)
        try:
            reply = await command.run(self._server, user, words)
        except HubError as error:
            caller.refuse(error)
        else:
            if reply is not None:
                user.reply(reply)

    def _report_failure(self, caller: Caller, command: Command) -> None:
        shown = self._prefix + command.name
        log.exception("session %s: the command %s failed", caller.session.id, shown)
        caller.refuse(CommandFailed(shown))


def is_being_cancelled() -> bool:
    """Return whether the current task is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def checked(text: str) -> str:
    """Return *text*, which a plug-in sends.

    Raises:
        TypeError, ValueError: it is not a text, or has lone surrogates, which cannot be encoded.
    """
    if not isinstance(text, str):
        raise TypeError(f"a command sends text, not {type(text).__name__}")
    text.encode()
    return text
