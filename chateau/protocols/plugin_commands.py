"""Commands that plug-ins bring: what they are handed, and running them beside everything else.

Each runs as a task of its own that ends with the session of its caller. What goes wrong in it is told
to its caller, logged once, and hurts nobody else. The plug-ins' side of it is :mod:`chateau.plugins`.
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
"""Commands of plug-ins that one session may have running."""

SERVER_ID = "00"
"""The id that the server speaks under: of digits as every session's, and no session's, for those have no
zero in front."""


class Caller(Protocol):
    """Who gave a command, as the commands see it."""

    session: Session
    is_admin: bool  # it has shown the key

    def reply(self, text: str) -> None:
        """Tell the caller *text*, in the server's name."""

    def refuse(self, error: HubError) -> None:
        """Tell the caller that its command was refused."""

    def move(self, room: str, password: str | None) -> None:
        """Let the caller into *room* and out of the one that it is in, and tell it so."""


class Command(NamedTuple):
    """A command that a plug-in brought; *run* is called with the server, the user and the words behind it."""

    name: str
    usage: str
    help: str
    run: Callable[[Server, User, list[str]], Coroutine[Any, Any, str | None]]


class Server:
    """The house, as a plug-in sees it."""

    def __init__(self, hub: Hub, name: str, protocol: EventSink) -> None:
        self.name = name
        self._hub = hub
        # Nobody's connection: the hub reads from it in whose name a message goes out.
        self._voice = Session(id=SERVER_ID, address="", port=0, protocol=protocol, outbox=None)
        self._voice.name = name

    def usernames(self) -> list[str]:
        """Everyone registered, sorted."""
        return list(self._hub.usernames())

    def rooms(self) -> list[str]:
        """The names of all rooms, sorted."""
        return [summary.room for summary in self._hub.room_summaries()]

    def message(self, username: str, text: str) -> None:
        """Say *text* to *username* alone, in the server's name.

        Raises:
            UnknownRecipient: nobody holds that name.
            TypeError, ValueError: *text* is no text, or has lone surrogates.
        """
        self._hub.message(self._voice, [username], checked(text))


class User:
    """Who gave a command, as a plug-in sees it. After the session's end what is replied goes nowhere."""

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
        """Whether the user has shown the server's key, by ``!auth``."""
        return self._caller.is_admin

    def reply(self, text: str) -> None:
        """Tell the user *text*, in the server's name.

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
        """Run *command* for *caller*, from the loop's next turn on.

        Raises:
            TooManyCommands: *caller* has enough of them running.
        """
        running = self._running.setdefault(caller, set())
        if len(running) >= AT_ONCE:
            raise TooManyCommands
        task = self._create_task(self._run(caller, command, words))
        running.add(task)
        task.add_done_callback(lambda task: self._forget(caller, task))

    def end(self, caller: Caller) -> None:
        """*caller*'s session has ended, and so do its commands."""
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
            await self._answer(caller, command, list(words))
        except asyncio.CancelledError:
            if is_being_cancelled():
                raise
            self._tell_failure(caller, command)  # it awaited something that somebody else cancelled
        except (Exception, SystemExit):
            self._tell_failure(caller, command)

    async def _answer(self, caller: Caller, command: Command, words: list[str]) -> None:
        user = User(caller)
        try:
            answer = await command.run(self._server, user, words)
        except HubError as error:
            caller.refuse(error)
        else:
            if answer is not None:
                user.reply(answer)

    def _tell_failure(self, caller: Caller, command: Command) -> None:
        shown = self._prefix + command.name
        log.exception("session %s: the command %s failed", caller.session.id, shown)
        caller.refuse(CommandFailed(shown))


def is_being_cancelled() -> bool:
    """Whether somebody has asked for the end of the task that is running."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def checked(text: str) -> str:
    """*text*, which a plug-in wants said.

    Raises:
        TypeError, ValueError: it is no text, or has lone surrogates, which no frame can hold.
    """
    if not isinstance(text, str):
        raise TypeError(f"a command says text, not {type(text).__name__}")
    text.encode()
    return text
