"""The error catalog of the lines protocol; see :mod:`chateau.protocols.error_catalog`.

Its errors are sent without a code. The errors with the seed's own texts have the code ``invalid_message``
here, as in the protocol.
"""

from __future__ import annotations

from chateau.hub.errors import AccessDenied, Banned, InvalidName, UnknownRecipient
from chateau.hub.lookalikes import OTHER_SCRIPT, RESERVED
from chateau.protocols.error_catalog import (
    ANY,
    PASSED_ON,
    RATE,
    TOO_MANY_KEYS,
    UNKEPT,
    UNREADABLE_HISTORY,
    ErrorCase,
    ErrorCatalog,
    always,
    banned_from,
    closed,
)
from chateau.protocols.errors import Internal, RateLimited
from chateau.protocols.lines_commands import (
    COMMANDS,
    INVALID_NICKNAME,
    LOGIN_REQUIRED,
    NICK_RULE,
    NICKNAME_PRESENT,
    NICKNAME_REGISTERED,
    NO_ROOM,
    REGISTERED_RULE,
    missing_parameter,
)
from chateau.protocols.lines_frames import LinesError

MESSAGE = "message"
"""The name under which every line stands here that is no command."""

LONG = "x" * 65


def _own(words: str, description: str, sent: str | None = None, detail: str | None = None) -> ErrorCase:
    return always(LinesError(words, detail), description, sent)


LOGIN_FIRST = _own(LOGIN_REQUIRED, "A nickname has to be taken first.")
ROOM_FIRST = _own(NO_ROOM, "This is done in a room.")


def _missing(line: str) -> ErrorCase:
    (command,) = (each for each in COMMANDS if each.words[0] == line.split()[0])
    return always(missing_parameter(command), "The command needs something behind it.", line)


ERRORS: ErrorCatalog = {
    ANY: (
        always(Banned()),
        always(RateLimited(RATE), "More lines than `--max-rate` per second; a burst may have twice as many."),
        _own(
            "Too many requests at once; wait for the responses to the earlier ones.",
            "More than 1 MiB of responses is queued behind a pending one.",
        ),
        _own("A line is UTF-8 text; this one was not.", "The line has bytes that are not UTF-8."),
        always(Internal()),
    ),
    "LOGIN": (
        _own("User already logged in with name alice", "One nickname a connection."),
        _own(INVALID_NICKNAME, "It breaks the rule.", "LOGIN al", NICK_RULE),
        _own(
            INVALID_NICKNAME,
            "It is reserved for the server.",
            "LOGIN channel",
            str(InvalidName("channel", RESERVED)),
        ),
        _own(
            INVALID_NICKNAME,
            "It looks like an existing name in another script, which a user of another protocol has.",
            "LOGIN coco",
            str(InvalidName("coco", OTHER_SCRIPT)),
        ),
        _own(
            NICKNAME_REGISTERED,
            "A client of another protocol has registered that name.",
            None,
            REGISTERED_RULE,
        ),
        _missing("LOGIN"),
    ),
    "JOIN": (
        LOGIN_FIRST,
        _missing("JOIN"),
        _own(
            "Invalid room name: !@#, please use alphanumericcharacters only",
            "It is none, or something stands behind the name of a room that is not locked.",
            "JOIN !@#",
        ),
        always(InvalidName(LONG, "it is longer than 64 characters"), "It is too long.", f"JOIN {LONG}"),
        _own(
            NICKNAME_PRESENT,
            "Somebody with that nickname is inside: another session, or this one.",
            None,
        ),
        always(
            InvalidName("Chateau", RESERVED),
            "It is the server's name, or looks like the name of another room in another script.",
            "JOIN Chateau",
        ),
        closed("lobby"),
        always(
            AccessDenied('The room "lobby" is locked; its password is needed.'),
            "The room is locked, and its password does not stand behind its name.",
        ),
        banned_from("lobby"),
        TOO_MANY_KEYS._replace(sent="JOIN lobby guess"),
    ),
    "LEAVE": (LOGIN_FIRST, ROOM_FIRST),
    "HISTORY": (
        LOGIN_FIRST,
        ROOM_FIRST,
        _own(
            "Unknown time: yesterday",
            "That is no time, or there is more than two of them.",
            "HISTORY yesterday",
        ),
        UNREADABLE_HISTORY,
    ),
    "MSG": (
        LOGIN_FIRST,
        _missing("MSG bob"),
        always(UnknownRecipient(["bob"]), "Nobody has that name, or lets you reach them."),
    ),
    "MESSAGE": (LOGIN_FIRST, _missing("MESSAGE"), ROOM_FIRST, closed("lobby"), UNKEPT, PASSED_ON),
    "WHO": (LOGIN_FIRST,),
    "ROOMS": (LOGIN_FIRST,),
    "HELP": (),
    "QUIT": (),
    MESSAGE: (LOGIN_FIRST, ROOM_FIRST, closed("lobby"), UNKEPT, PASSED_ON),
}
