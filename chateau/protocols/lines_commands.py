"""The commands of the lines protocol: their syntax, their functions, and their texts for HELP.

A line is a command when it begins with a command's words, written exactly so; where the command takes
nothing, nothing else may stand on the line. Every other line is a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Literal, NamedTuple

from chateau.hub.errors import AlreadyInRoom, InvalidName, NameTaken, UnknownRoom, cut
from chateau.protocols import costs
from chateau.protocols.json_text import encode, fitting
from chateau.protocols.lines_frames import (
    LINE_END_BYTES,
    Frame,
    LinesError,
    history_line,
    interval,
    result,
    user_joined,
    user_left,
)

if TYPE_CHECKING:
    from chateau.hub.ports import Commit
    from chateau.hub.room import Room
    from chateau.protocols.lines import LinesPeer

NICK = re.compile(r"[0-9a-zA-Z]{3,16}")
ROOM = re.compile(r"[a-zA-Z0-9]+")
HISTORY_LIMIT = 1_000

INVALID_NICKNAME = "Invalid nickname"
LOGIN_REQUIRED = "Login required"
MISSING_PARAMETER = "Missing required parameter"
NICKNAME_REGISTERED = "Nickname already registered"
NICKNAME_PRESENT = "User with such nickname is already present in the requested room"
NO_ROOM = "Join a room first"

NICK_RULE = "A nickname has 3 to 16 characters: letters a to z and A to Z, and digits."
REGISTERED_RULE = "A client of another protocol has this name, in some spelling; choose another one."

Reply = tuple[list[bytes], "Commit | None"]
"""The lines of a response, and the commit that they have to wait for."""

Steps = Generator[None, None, Reply]
"""A command that takes more than one turn; it returns its response."""


def perform(peer: LinesPeer, line: str) -> Reply | Steps:
    """Perform *line*; return its response, or the steps that return it.

    Raises:
        HubError: it failed, and changed nothing.
    """
    found = command_in(line)
    if found is None:
        return _say(peer, line)
    command, parameter = found
    if command.needs_login:
        _check_login(peer)
    if command.takes == "something" and not parameter:
        raise missing_parameter(command)
    return command.perform(peer, parameter)


def command_in(line: str) -> tuple[Command, str] | None:
    """Return the command of *line* and its parameter, or None if it is a message."""
    for count in (2, 1):
        words = line.split(None, count)
        command = _BY_WORDS.get(" ".join(words[:count]))
        if command is not None:
            parameter = "".join(words[count:]).strip()
            if command.takes != "nothing" or not parameter:
                return command, parameter
    return None


def _say(peer: LinesPeer, line: str) -> Reply:
    """Send *line* to the room: a whole line, or the parameter of MESSAGE."""
    _check_login(peer)
    _, commit = peer.protocol.hub.publish(peer.session, _room_of(peer).name, line)
    return _reply(result()), commit


def _login(peer: LinesPeer, nick: str) -> Reply:
    name = peer.session.username
    if name is not None:
        raise LinesError(f"User already logged in with name {peer.nick}")
    if NICK.fullmatch(nick) is None:
        raise LinesError(INVALID_NICKNAME, NICK_RULE)
    try:
        peer.protocol.hub.register(peer.session, nick, as_nick=True)
    except InvalidName as exc:  # the server's own name, or one that looks like another
        raise LinesError(INVALID_NICKNAME, str(exc)) from exc
    except NameTaken as exc:
        raise LinesError(NICKNAME_REGISTERED, REGISTERED_RULE) from exc
    return _reply(result(f"Username set to {nick}")), None


def _join(peer: LinesPeer, parameter: str) -> Reply:
    name, password = _room_and_password(peer, parameter)
    session, left = peer.session, peer.session.room
    try:
        room = peer.protocol.hub.join(session, name, password=password, alone=True)
    except (AlreadyInRoom, NameTaken) as exc:
        raise LinesError(NICKNAME_PRESENT) from exc
    frames = [result(f"Joined room {room.name}"), user_joined(peer.nick)]
    if left is not None:
        frames.insert(1, user_left(peer.nick))
    return _reply(*frames), None


def _room_and_password(peer: LinesPeer, parameter: str) -> tuple[str, str | None]:
    """Return the room and the password in *parameter*; only a locked room may be followed by a password."""
    name, *password = parameter.split(None, 1)
    if ROOM.fullmatch(name) is None or (password and not _is_locked(peer, name)):
        raise LinesError(f"Invalid room name: {cut(parameter)}, please use alphanumericcharacters only")
    return name, password[0] if password else None


def _is_locked(peer: LinesPeer, name: str) -> bool:
    try:
        return peer.protocol.hub.rooms.find(name).password is not None
    except UnknownRoom:
        return False


def _leave(peer: LinesPeer, _: str) -> Reply:
    peer.protocol.hub.leave(peer.session, _room_of(peer).name)
    return _reply(result(), user_left(peer.nick)), None


def _history(peer: LinesPeer, parameter: str) -> Steps:
    """Show the last messages and joins, newest slice first, as far as they fit.

    The very last one is included whatever its size: it has reached the members of the room before.
    """
    name, hub, reader = _room_of(peer).name, peer.protocol.hub, peer.nick
    start, end = interval(parameter)
    budget = peer.protocol.history_bytes
    lines: list[bytes] = []
    # Without a start, the store returns the last records within the limit; earlier ones are left out here.
    for page in hub.history_slices(peer.session, name, end=end, limit=HISTORY_LIMIT, joins=True):
        records = [record for record in page.messages if start is None or record.time >= start]
        encoded = [history_line(record, reader) for record in reversed(records)]
        fitted = fitting(encoded, budget, LINE_END_BYTES) or (encoded[:1] if not lines else [])
        lines += fitted
        budget -= sum(map(len, fitted)) + LINE_END_BYTES * len(fitted)
        peer.session.outbox.charge(costs.history(sum(map(len, fitted))))
        if len(fitted) < len(page.messages):
            break
        yield
    return [*_reply(result(count=len(lines))), *reversed(lines)], None


def _message(peer: LinesPeer, parameter: str) -> Reply:
    nick, *text = parameter.split(None, 1)
    if not text:
        raise missing_parameter(_BY_WORDS["MSG"])
    peer.protocol.hub.message(peer.session, [nick], text[0])
    return _reply(result()), None


def _who(peer: LinesPeer, _: str) -> Reply:
    room = peer.session.room
    users = peer.protocol.hub.usernames(peer.session) if room is None else room.member_names()
    return _reply(result(users=users)), None


def _rooms(peer: LinesPeer, _: str) -> Reply:
    rooms = [summary._asdict() for summary in peer.protocol.hub.room_summaries()]
    return _reply(result(rooms=rooms)), None


def _help(peer: LinesPeer, _: str) -> Reply:  # noqa: ARG001 - it is the same for everyone
    commands = [{"command": command.usage, "help": command.help} for command in COMMANDS]
    return _reply(result(commands=commands)), None


def _quit(peer: LinesPeer, _: str) -> Reply:
    peer.has_quit = True
    return _reply(result()), None


def missing_parameter(command: Command) -> LinesError:
    """Return the error for *command* without one of its parameters."""
    return LinesError(MISSING_PARAMETER, f"Write {command.usage}.")


def _check_login(peer: LinesPeer) -> None:
    if peer.session.username is None:
        raise LinesError(LOGIN_REQUIRED)


def _room_of(peer: LinesPeer) -> Room:
    room = peer.session.room
    if room is None:
        raise LinesError(NO_ROOM)
    return room


def _reply(*frames: Frame) -> list[bytes]:
    return [encode(frame) for frame in frames]


class Command(NamedTuple):
    """A command: the alternative *words* that begin it, and how HELP shows it."""

    words: tuple[str, ...]
    takes: Literal["nothing", "anything", "something"]
    perform: Callable[[LinesPeer, str], Reply | Steps]
    usage: str
    help: str
    needs_login: bool = True


COMMANDS = (
    Command(
        ("LOGIN",),
        "something",
        _login,
        "LOGIN nick",
        "Take a nickname: 3 to 16 letters and digits.",
        needs_login=False,
    ),
    Command(
        ("JOIN", "JOIN ROOM"),
        "something",
        _join,
        "JOIN room [password]",
        "Enter a room and leave the previous one; every line that is not a command is then a message to it.",
    ),
    Command(("LEAVE", "LEAVE ROOM", "LEFT", "LEFT ROOM"), "nothing", _leave, "LEAVE", "Leave the room."),
    Command(
        ("HISTORY",),
        "anything",
        _history,
        "HISTORY [from [to]]",
        "Show the messages of the room, between two times such as 2015-05-24T15:17:19 (UTC).",
    ),
    Command(
        ("MESSAGE",),
        "something",
        _say,
        "MESSAGE text",
        "Say something to the room, also what would be a command on a line of its own.",
    ),
    Command(("MSG",), "something", _message, "MSG nick text", "Say something to one user alone."),
    Command(
        ("WHO",),
        "nothing",
        _who,
        "WHO",
        "List the users in the room, or, outside a room, on the whole server.",
    ),
    Command(("ROOMS",), "nothing", _rooms, "ROOMS", "List the rooms."),
    Command(("HELP",), "nothing", _help, "HELP", "List the commands.", needs_login=False),
    Command(("QUIT",), "nothing", _quit, "QUIT", "Close the connection.", needs_login=False),
)

_BY_WORDS = {words: command for command in COMMANDS for words in command.words}
