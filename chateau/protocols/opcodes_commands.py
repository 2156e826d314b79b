"""The commands of the opcodes protocol: ``!help``, ``!join`` and the others.

A command is the prefix followed by a letter or a digit; ``!``, ``!!!`` and ``! hello`` are messages. The
built-in commands are in ``BUILT_INS``; those of plug-ins are passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chateau.hub.errors import AccessDenied, HubError, quoted
from chateau.hub.rooms import Rooms
from chateau.protocols.argsplit import split
from chateau.protocols.errors import UnknownType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chateau.hub.hub import Hub
    from chateau.hub.room import Room
    from chateau.protocols.errors import InvalidMessage
    from chateau.protocols.plugin_commands import Caller, Command, Runner
    from chateau.protocols.schemas import SchemaSet

PASSWORD_LIMIT = 1024
"""Maximum length of a room's password, as in the chateau protocol."""

NAME_LENGTH = 100
"""Length at which the name of a command is cut: those of plug-ins have at most 32 characters."""


class NoRoom(HubError):
    code = "not_in_room"

    def __init__(self, prefix: str) -> None:
        super().__init__(f"You are in no room: say {prefix}join ROOM first.")


class Commands:
    """The commands of one server."""

    def __init__(
        self,
        hub: Hub,
        schemas: SchemaSet,
        *,
        prefix: str,
        stop: Callable[[str | None], None],
        plugins: Mapping[str, Command],
        runner: Runner,
    ) -> None:
        """An empty *prefix* disables commands; *stop* shuts the server down, for a reason or None."""
        self.hub = hub
        self.prefix = prefix
        self.stop = stop
        self.plugins = plugins
        self._schemas = schemas
        self._runner = runner

    def covers(self, content: str) -> bool:
        """Return whether *content* is a command, not a message."""
        return is_command(content, self.prefix)

    def run(self, caller: Caller, content: str) -> None:
        """Run *content*, a command of *caller*.

        Raises:
            UnknownType: the command does not exist.
            HubError: it failed.
        """
        start = len(self.prefix)
        written = content[start : start + NAME_LENGTH].split(None, 1)[0]
        name = written.lower()
        if name not in BUILT_INS and name not in self.plugins:
            raise self.unknown(name)
        rest = content[start + len(written) :]
        if name in BUILT_INS:
            self._run_built_in(caller, name, rest)
        else:
            self._runner.start(caller, self.plugins[name], self._words(name, rest))

    def end(self, caller: Caller) -> None:
        """Cancel the plug-in commands of *caller*, whose session has ended."""
        self._runner.end(caller)

    def _run_built_in(self, caller: Caller, name: str, rest: str) -> None:
        built_in = BUILT_INS[name]
        if name in ADMIN_COMMANDS and not caller.is_admin:
            raise AccessDenied(f"{self.prefix}{name} is the owner's: say {self.prefix}auth KEY first.")
        words = self._words(name, rest, before_text=built_in.before_text)
        if not built_in.least <= len(words) <= built_in.most:
            raise self.misused(name)
        answer = built_in.run(CommandContext(self, caller, words))
        if answer is not None:
            caller.reply(answer)

    def _words(self, name: str, rest: str, *, before_text: int | None = None) -> list[str]:
        try:
            return split(rest, before_text)
        except ValueError as exc:
            raise self.misused(name, f"{exc}: write") from exc

    # Shared by the commands

    def written(self, name: str) -> str:
        """Return the command *name* with its usage."""
        return f"{self.prefix}{name} {self._row(name).usage}".rstrip()

    def described(self, name: str) -> str:
        """Return the command *name* with its usage and its description."""
        note = f" (after {self.prefix}auth)" if name in ADMIN_COMMANDS else ""
        return f"{self.written(name)}: {self._row(name).help}{note}"

    def misused(self, name: str, start: str = "Write") -> InvalidMessage:
        """Return the error for the command *name* with wrong arguments."""
        sentence = f"{start} {self.written(name)}; what has spaces goes in quotation marks."
        return self._schemas.validation_error_at("message-request", ["d", "content"], sentence)

    def unknown(self, name: str) -> UnknownType:
        """Return the error for a command that does not exist."""
        return UnknownType(f"{quoted(self.prefix + name)} is no command; say {self.prefix}help.")

    def _row(self, name: str) -> BuiltIn | Command:
        return BUILT_INS[name] if name in BUILT_INS else self.plugins[name]


def is_command(content: str, prefix: str) -> bool:
    """Return whether *content* is a command that begins with *prefix*; an empty one disables commands."""
    start = len(prefix)
    return bool(start) and content.startswith(prefix) and content[start : start + 1].isalnum()


class CommandContext(NamedTuple):
    """A command that was given, with the words after its name."""

    commands: Commands
    caller: Caller
    words: list[str]

    @property
    def hub(self) -> Hub:
        return self.commands.hub

    def room(self, place: int = 0) -> Room:
        """Return the room that the word at *place* names, or else the caller's room.

        Raises:
            UnknownRoom: the room does not exist.
            NoRoom: no room is named, and the caller is not in one.
        """
        if len(self.words) > place:
            return self.hub.rooms.find(self.words[place])
        room = self.caller.session.room
        if room is None:
            raise NoRoom(self.commands.prefix)
        return room


def _help(context: CommandContext) -> str:
    if context.words:
        name = context.words[0].removeprefix(context.commands.prefix)[:NAME_LENGTH].lower()
        if name not in BUILT_INS and name not in context.commands.plugins:
            raise context.commands.unknown(name)
        return context.commands.described(name)
    return "\n".join(map(context.commands.described, (*BUILT_INS, *sorted(context.commands.plugins))))


def _rooms(context: CommandContext) -> str:
    lines = [
        f"{room}: {members} {'user' if members == 1 else 'users'}{'' if available else ', not available'}"
        for room, members, available in context.hub.room_summaries()
    ]
    return "\n".join(lines) or "There are no rooms."


def _users(context: CommandContext) -> str:
    room = context.room()
    return f"In {room.name}: {', '.join(room.member_names())}"


def _me(context: CommandContext) -> str:
    room = context.caller.session.room
    place = "in no room" if room is None else f"in {room.name}"
    role = ", and the owner" if context.caller.is_admin else ""
    return f"You are {context.caller.session.name}, {place}{role}."


def _join(context: CommandContext) -> None:
    context.caller.move(context.words[0], context.words[1] if len(context.words) > 1 else None)


def _msg(context: CommandContext) -> str:
    message = context.hub.message(context.caller.session, context.words[:1], context.words[1])
    return f"Sent to {', '.join(message.recipients)}."


def _auth(context: CommandContext) -> str:
    context.hub.access.check_session_key(context.words[0], context.caller.session)
    context.caller.is_admin = True
    return "You may give the owner's commands now."


def _lock(context: CommandContext) -> str:
    room = context.room()
    if not 0 < len(context.words[1]) <= PASSWORD_LIMIT:
        raise context.commands.misused("lock", f"A password has 1 to {PASSWORD_LIMIT} characters: write")
    context.hub.rooms.lock(room.name, context.words[1])
    return f"{room.name} is locked."


def _on_room(act: Callable[[Rooms, str], None], became: str) -> Callable[[CommandContext], str]:
    """Return the command that applies *act* to a room, which is *became* then."""

    def run(context: CommandContext) -> str:
        room = context.room()
        act(context.hub.rooms, room.name)
        return f"{room.name} is {became}."

    return run


def _ban(context: CommandContext) -> str:
    room = context.room(1)
    shown = context.hub.rooms.ban(room.name, context.words[0])
    return f"{shown} is banned from {room.name}."


def _unban(context: CommandContext) -> str:
    room = context.room(1)
    context.hub.rooms.unban(room.name, context.words[0])
    return f"{context.words[0]} is not banned from {room.name}."


def _shutdown(context: CommandContext) -> None:
    context.commands.stop(context.words[0] if context.words else None)


class BuiltIn(NamedTuple):
    """A command of the server, with *least* to *most* words after its name.

    If *before_text* is given, everything after so many words is one text.
    """

    usage: str
    help: str
    run: Callable[[CommandContext], str | None]
    least: int = 0
    most: int = 0
    before_text: int | None = None


USER_COMMANDS: dict[str, BuiltIn] = {
    "help": BuiltIn("[COMMAND]", "List the commands, or describe one.", _help, most=1),
    "rooms": BuiltIn("", "List the rooms.", _rooms),
    "users": BuiltIn("", "List the members of your room.", _users),
    "me": BuiltIn("", "Show your name and your room.", _me),
    "join": BuiltIn("ROOM [PASSWORD]", "Go to another room, which is created if necessary.", _join, 1, 2),
    "msg": BuiltIn("USER TEXT", "Send a direct message to one user.", _msg, 2, 2, before_text=1),
    "auth": BuiltIn("KEY", "Become an admin, by the secret key.", _auth, 1, 1),
}

ADMIN_COMMANDS: dict[str, BuiltIn] = {
    "lock": BuiltIn("ROOM PASSWORD", "Require a password to join.", _lock, 2, 2),
    "unlock": BuiltIn("[ROOM]", "Ask for no password any more.", _on_room(Rooms.unlock, "unlocked"), most=1),
    "close": BuiltIn(
        "[ROOM]",
        "Close a room: nobody can join it or send messages to it.",
        _on_room(Rooms.close, "closed"),
        most=1,
    ),
    "open": BuiltIn("[ROOM]", "Neither closed nor locked any more.", _on_room(Rooms.open, "open"), most=1),
    "delete": BuiltIn(
        "[ROOM]", "Remove all members and the history.", _on_room(Rooms.delete, "deleted"), most=1
    ),
    "ban": BuiltIn("USER [ROOM]", "Remove a user, and refuse that username.", _ban, 1, 2),
    "unban": BuiltIn("USER [ROOM]", "Allow a banned user again.", _unban, 1, 2),
    "shutdown": BuiltIn("[REASON]", "Stop the server.", _shutdown, most=1, before_text=0),
}

BUILT_INS = USER_COMMANDS | ADMIN_COMMANDS
"""All built-in commands, in the order in which ``!help`` lists them."""
