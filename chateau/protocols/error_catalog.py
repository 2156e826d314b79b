"""The error codes and their meanings, and the building blocks of the catalogs: which request can fail how.

The catalogs are in the modules ``*_errors``. The reference shows each case as the protocol encodes it; the
tests provoke each one, and check that no protocol sends an error that its catalog does not list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chateau.hub.errors import (
    AccessDenied,
    AlreadyInRoom,
    Banned,
    HubError,
    InvalidName,
    NotInRoom,
    NotRegistered,
    TooManyTries,
    Unavailable,
    UnknownRoom,
)
from chateau.hub.lookalikes import MIXED_SCRIPTS, OTHER_SCRIPT, RESERVED
from chateau.hub.registry import NUMBERED
from chateau.protocols.errors import BinaryFrame, Internal, InvalidJson, NotAnObject, RateLimited, TooLarge
from chateau.protocols.http_errors import UnsupportedMedia
from chateau.protocols.schemas import SchemaSet
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES

MakeError = Callable[[Any, SchemaSet], HubError]
"""Returns the error for a request; it is passed the protocol's schemas for validation errors."""

MAX_FRAME = 1_048_576
RATE = 200
MAX_TARGET = 8_192
MAX_HEADERS = 100
MAX_HEAD = 65_536
"""The defaults of the settings that are part of some error texts."""

CODES = {
    "invalid_json": "The text is not valid JSON, or it has a duplicate key, NaN, a lone surrogate, a number "
    "beyond the range of a double, or more than about 1,000 levels of nesting; or it is longer than 32 KiB "
    "and has more than 4,096 commas and opening brackets outside strings.",
    "not_an_object": "The text is JSON, but not an object.",
    "binary_frame": "The message came in a binary frame; messages are text frames.",
    "unknown_type": "The type is missing or unknown: the type of a message or of a publication, a function, "
    "an op, or a command.",
    "invalid_message": "The message does not match its schema. If there is a `path`, it is a JSON Pointer to "
    "the invalid value, and `schema` is the URL of the schema on this server.",
    "not_registered": "The request requires a username: register one first.",
    "already_registered": "This session already has a username.",
    "name_taken": "Another session has this username.",
    "invalid_name": "The name is not allowed: it has control characters, invisible characters, or spaces at "
    "its ends; or it ends with `#` and digits, such as `#17`, as only the server's names for sessions do; or "
    "it is or looks like `channel` or the value of `--server-name`, which the server itself uses; or it "
    "mixes letters of different scripts; or it looks like an existing name in another script.",
    "unknown_recipient": "A recipient is not registered, or does not allow you to reach it. The message was "
    "delivered to nobody.",
    "unknown_room": "There is no such room.",
    "unknown_session": "There is no session with this id, or it has ended.",
    "not_in_room": "You are not a member of the room.",
    "already_in_room": "You are already a member of the room.",
    "access_denied": "The room is closed, the room is locked and the password is wrong, or you are banned "
    "from the room; or a key or password is missing or wrong; or you have the maximum number of rules.",
    "banned": "Your address is banned.",
    "rate_limited": "One of three limits is reached, and the sentence names it: the messages per second of "
    "one connection (`--max-rate`), the attempts that may wait after five wrong keys or passwords within a "
    "minute from one address, or 16 commands of plug-ins that run at the same time for one session. Try "
    "again later.",
    "too_large": "The message is too long or too deep. A relayed message must be at least 1,536 bytes "
    "shorter than `--max-frame`.",
    "unsupported_media": "The body of an HTTP request is compressed, or has a type or charset that the "
    "address does not take.",
    "target_too_long": "The target of an HTTP request is longer than `--max-target`.",
    "headers_too_large": "An HTTP request has more headers than `--max-headers`, or a first line and headers "
    "of more bytes than `--max-head`.",
    "unavailable": "The message could not be stored, or the history could not be read. If the message was "
    "delivered all the same, the sentence reports it.",
    "internal": "The server failed; see its log.",
}
"""The meaning of each error code in one sentence, which is the same in every protocol."""

SPACE = "it begins or ends with a space"

SERVER = "Chateau"
MIXTURE = "\N{CYRILLIC CAPITAL LETTER ES}hateau"
CYRILLIC = "\N{CYRILLIC SMALL LETTER ES}\N{CYRILLIC SMALL LETTER O}" * 2


class ErrorCase(NamedTuple):
    """An error for the request *sent*, by default the first example of the schema, and the reason for it."""

    make_error: MakeError
    description: str = ""
    sent: Any = None


ErrorCases = tuple[ErrorCase, ...]
ErrorCatalog = Mapping[str, ErrorCases]
"""The cases of a protocol by its requests; those of any request are under :data:`ANY`."""

ANY = ""


def always(error: HubError, description: str = "", sent: Any = None) -> ErrorCase:
    """Return the case of an error that does not depend on the request."""
    return ErrorCase(lambda _request, _schemas: error, description, sent)


def against(schema: str, sent: Any) -> ErrorCase:
    """Return the case of *sent*, which is invalid by *schema*."""
    return ErrorCase(
        lambda request, schemas: schemas.validation_error(schema, request),
        "The request violates its schema: `path` is a JSON Pointer to the fault, `schema` the schema's URL.",
        sent,
    )


def of_room(error: Callable[[str], HubError], description: str = "") -> ErrorCase:
    """Return the case of an error that names the request's room."""
    return ErrorCase(lambda request, _: error(request["room"]), description)


def unreadable(unknown_type: HubError, sent: Any) -> ErrorCases:
    """Return the cases of frames that are not a request; *sent* has an unknown type."""
    return (
        always(InvalidJson("unexpected end of data at line 1, column 2"), sent="{"),
        always(NotAnObject("an array"), sent="[]"),
        always(BinaryFrame()),
        always(unknown_type, "The type is missing or unknown.", sent),
    )


def admission(sent: Any) -> ErrorCases:
    """Return the cases of any request, such as *sent*, before and while it is performed."""
    too_many = (
        "More than `--max-rate` messages per second came from the client; a burst may have twice as many."
    )
    return (
        always(Banned(), sent=sent),
        always(RateLimited(RATE), too_many, sent),
        always(Internal(), sent=sent),
    )


NEEDS_NAME = always(NotRegistered())
UNKNOWN_ROOM = of_room(UnknownRoom)
NOT_IN_ROOM = of_room(NotInRoom)
ALREADY_IN_ROOM = of_room(AlreadyInRoom)
PASSED_ON = always(
    Unavailable("The message was delivered but could not be saved."),
    "The disk failed after the message was delivered.",
)
UNKEPT = always(
    Unavailable("Messages cannot be stored right now; try again later."),
    "The disk is full or fails; nothing was delivered.",
)
UNREADABLE_HISTORY = always(
    Unavailable("The history cannot be read right now; try again later."),
    "The disk failed while the history was read.",
)
ENCODED = always(
    UnsupportedMedia('The body has the Content-Encoding "gzip"; expected a body without one.'),
    "The body is compressed.",
    "Content-Encoding: gzip",
)
WRONG_KEY = always(AccessDenied("The secret key is wrong."), "The key is wrong, or the server has none.")
TOO_MANY_KEYS = always(
    TooManyTries(),
    "After five wrong keys or passwords within a minute an address has one attempt per second; the others "
    "wait, and too many waited.",
)


def too_long(description: str) -> ErrorCase:
    """Return the case of a message that does not fit into a frame of its recipients."""
    sentence = (
        f"Message too large to be delivered; the maximum is {MAX_FRAME - ENVELOPE_OVERHEAD_BYTES} bytes."
    )
    return always(TooLarge(sentence), description)


def invalid_usernames(request: Callable[[str], Any]) -> ErrorCases:
    """Return the cases of names that cannot be registered; *request* returns the request for a name."""
    return (
        *_invalid_names(" alice", request),
        always(
            InvalidName("alice#5", NUMBERED),
            "The name has the form of the server's names for sessions, such as `#17` and `alice#17`.",
            request("alice#5"),
        ),
    )


def invalid_rooms(request: Callable[[str], Any]) -> ErrorCases:
    """Return the cases of names that a room cannot have; *request* returns the request for a name."""
    return _invalid_names(" lobby", request)


def _invalid_names(spaced: str, request: Callable[[str], Any]) -> ErrorCases:
    return (
        always(
            InvalidName(spaced, SPACE),
            "The name is not allowed; here it begins with a space.",
            request(spaced),
        ),
        always(
            InvalidName(SERVER, RESERVED),
            "The name is the server's (`--server-name`), or looks like it.",
            request(SERVER),
        ),
        always(
            InvalidName(MIXTURE, MIXED_SCRIPTS),
            "The name mixes scripts; here the first letter is Cyrillic, the others are Latin.",
            request(MIXTURE),
        ),
        always(
            InvalidName(CYRILLIC, OTHER_SCRIPT),
            "A name in another script looks the same; here all letters are Cyrillic, and `coco` exists.",
            request(CYRILLIC),
        ),
    )


def entry(room: str) -> ErrorCases:
    """Return the cases of not being allowed to join *room*."""
    return (closed(room), locked(room), banned_from(room))


def closed(room: str) -> ErrorCase:
    return always(AccessDenied(f'The room "{room}" is closed.'), "The room is closed.")


def locked(room: str) -> ErrorCase:
    sentence = f'The room "{room}" is locked; its password is needed.'
    return always(AccessDenied(sentence), "The room is locked, and the password is missing or not right.")


def banned_from(room: str) -> ErrorCase:
    sentence = f'You are banned from the room "{room}".'
    return always(AccessDenied(sentence), "You are banned from the room.")
