"""The error catalog of the opcodes protocol; see :mod:`chateau.protocols.error_catalog`.

An op 1 is a login, a message or a command, and each command is refused for reasons of its own: those stand
in :data:`COMMANDS`, by the commands' names.
"""

from __future__ import annotations

from chateau.hub.errors import (
    AccessDenied,
    AlreadyInRoom,
    InvalidName,
    NameTaken,
    UnknownRecipient,
    UnknownRoom,
)
from chateau.protocols.error_catalog import (
    ANY,
    NEEDS_NAME,
    PASSED_ON,
    SPACE,
    TOO_MANY_KEYS,
    UNKEPT,
    WRONG_KEY,
    ErrorCase,
    ErrorCases,
    ErrorCatalog,
    admission,
    against,
    always,
    closed,
    entry,
    invalid_rooms,
    invalid_usernames,
    too_long,
    unreadable,
)
from chateau.protocols.errors import UnknownType
from chateau.protocols.json_peer import unknown_type
from chateau.protocols.opcodes import OpcodesProtocol
from chateau.protocols.opcodes_commands import BUILT_INS, NoRoom

Frame = dict[str, object]

PREFIX = "!"


def said(content: str) -> Frame:
    """Return the request that sends *content*."""
    return {"op": 1, "d": {"content": content}}


IN_NO_ROOM = always(NoRoom(PREFIX), "You are in no room.")
UNKNOWN_ROOM = always(UnknownRoom("attic"))
NOBODY = always(UnknownRecipient(["bob"]), "Nobody has that name.")
TOO_LONG = too_long(
    "It has to leave 1,536 bytes of `--max-frame` free, for what goes out to others.",
)


def _misused(name: str, content: str) -> ErrorCase:
    """Return the case of *content*, in which the command *name* has other words behind it than it takes."""
    usage = f"{PREFIX}{name} {BUILT_INS[name].usage}".rstrip()
    sentence = f"Write {usage}; what has spaces goes in quotation marks."
    return ErrorCase(
        lambda _, schemas: schemas.validation_error_at("message-request", ["d", "content"], sentence),
        "Other words stand behind the command than it takes.",
        said(content),
    )


def _owners(name: str) -> ErrorCase:
    sentence = f"{PREFIX}{name} is the owner's: say {PREFIX}auth KEY first."
    return always(AccessDenied(sentence), "The command is the owner's.")


def _moderation(name: str, without_room: str, misused: str, *more: ErrorCase) -> ErrorCases:
    """Return the cases of the admins' command *name*, which takes a room, by default the current one."""
    in_no_room = IN_NO_ROOM._replace(sent=said(without_room))
    return (_owners(name), UNKNOWN_ROOM, in_no_room, *more, _misused(name, misused))


ERRORS: ErrorCatalog = {
    ANY: (
        *unreadable(unknown_type("op", {"op": 17}, OpcodesProtocol.expected), {"op": 17}),
        *admission({"op": 4}),
    ),
    "message-request": (
        NEEDS_NAME._replace(description="A command came before the login.", sent=said("!rooms")),
        ErrorCase(
            lambda request, _: NameTaken(request["d"]["content"]),
            "At the login: another session has that name.",
        ),
        *(case._replace(description=f"At the login. {case.description}") for case in invalid_usernames(said)),
        IN_NO_ROOM._replace(description="A message came from a user who is in no room.", sent=said("hello")),
        closed("general")._replace(description="The room was closed.", sent=said("hello")),
        TOO_LONG,
        UNKEPT._replace(sent=said("hello")),
        PASSED_ON._replace(sent=said("hello")),
        always(UnknownType('"!fly" is no command; say !help.'), "There is no such command.", said("!fly")),
        against("message-request", {"op": 1, "d": {}}),
    ),
    "shutdown-request": (
        WRONG_KEY,
        TOO_MANY_KEYS,
        TOO_LONG,
        against("shutdown-request", {"op": 3, "d": {"reason": "Maintenance"}}),
    ),
    "cache-request": (),
}

COMMANDS: ErrorCatalog = {
    "help": (
        always(
            UnknownType('"!fly" is no command; say !help.'), "There is no such command.", said("!help fly")
        ),
        _misused("help", "!help join rooms"),
    ),
    "rooms": (_misused("rooms", "!rooms attic"),),
    "users": (IN_NO_ROOM, _misused("users", "!users attic")),
    "me": (_misused("me", "!me too"),),
    "join": (
        always(AlreadyInRoom("attic")),
        *entry("attic"),
        TOO_MANY_KEYS._replace(sent=said("!join attic guess")),
        *invalid_rooms(lambda name: said(f'!join "{name}"')),
        _misused("join", "!join"),
    ),
    "msg": (NOBODY, _misused("msg", "!msg bob")),
    "auth": (WRONG_KEY, TOO_MANY_KEYS, _misused("auth", "!auth")),
    "lock": (_owners("lock"), UNKNOWN_ROOM, _misused("lock", "!lock attic")),
    "unlock": _moderation("unlock", "!unlock", "!unlock the attic"),
    "close": _moderation("close", "!close", "!close the attic"),
    "open": _moderation("open", "!open", "!open the attic"),
    "delete": _moderation(
        "delete",
        "!delete",
        "!delete the attic",
        UNKEPT._replace(description="The disk fails: nothing was deleted."),
    ),
    "ban": _moderation("ban", "!ban bob", "!ban", NOBODY),
    "unban": _moderation(
        "unban",
        "!unban bob",
        "!unban",
        always(InvalidName(" bob", SPACE), "It can be no user's name.", said('!unban " bob" attic')),
    ),
    "shutdown": (_owners("shutdown"),),
}
