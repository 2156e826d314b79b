"""The error catalog of the chateau protocol; see :mod:`chateau.protocols.error_catalog`."""

from __future__ import annotations

from chateau.hub.errors import AlreadyRegistered, NameTaken, UnknownRecipient
from chateau.protocols.chateau import ChateauProtocol
from chateau.protocols.error_catalog import (
    ALREADY_IN_ROOM,
    ANY,
    NEEDS_NAME,
    NOT_IN_ROOM,
    PASSED_ON,
    TOO_MANY_KEYS,
    UNKEPT,
    UNKNOWN_ROOM,
    UNREADABLE_HISTORY,
    ErrorCase,
    ErrorCatalog,
    admission,
    against,
    closed,
    entry,
    invalid_rooms,
    invalid_usernames,
    too_long,
    unreadable,
)
from chateau.protocols.json_peer import unknown_type

TOO_LONG = too_long(
    "It would not fit into one frame of those who get it: it has to leave 1,536 bytes of `--max-frame` free, "
    "with the names in `clients` as they were registered.",
)

ERRORS: ErrorCatalog = {
    ANY: (
        *unreadable(unknown_type("type", {"type": 17}, ChateauProtocol.expected), {"type": 17}),
        *admission({"type": 4}),
    ),
    "register-request": (
        ErrorCase(lambda request, _: NameTaken(request["username"])),
        ErrorCase(lambda request, _: AlreadyRegistered(request["username"])),
        *invalid_usernames(lambda name: {"type": 1, "username": name}),
        against("register-request", {"type": 1}),
    ),
    "unregister-request": (
        NEEDS_NAME,
        against("unregister-request", {"type": 2, "username": "alice"}),
    ),
    "message-request": (
        NEEDS_NAME,
        ErrorCase(
            lambda request, _: UnknownRecipient(request["clients"]),
            "Nobody is registered under the names in `unknown`, or lets you reach them; nothing was "
            "delivered to anyone.",
        ),
        TOO_LONG,
        against("message-request", {"type": 3, "clients": [], "content": "hi"}),
    ),
    "list-request": (NEEDS_NAME, against("list-request", {"type": 4, "room": "lobby"})),
    "join-request": (
        NEEDS_NAME,
        ALREADY_IN_ROOM,
        *entry("lobby"),
        TOO_MANY_KEYS._replace(sent={"type": 5, "room": "lobby", "password": "a guess"}),
        *invalid_rooms(lambda name: {"type": 5, "room": name}),
        against("join-request", {"type": 5}),
    ),
    "leave-request": (
        NEEDS_NAME,
        UNKNOWN_ROOM,
        NOT_IN_ROOM,
        against("leave-request", {"type": 6}),
    ),
    "publish-request": (
        NEEDS_NAME,
        UNKNOWN_ROOM,
        NOT_IN_ROOM,
        closed("lobby"),
        TOO_LONG,
        UNKEPT,
        PASSED_ON,
        against("publish-request", {"type": 7, "room": "lobby"}),
    ),
    "history-request": (
        NEEDS_NAME,
        UNKNOWN_ROOM,
        NOT_IN_ROOM,
        UNREADABLE_HISTORY,
        against("history-request", {"type": 8, "room": "lobby", "limit": 0}),
    ),
    "rooms-request": (NEEDS_NAME, against("rooms-request", {"type": 9, "room": "lobby"})),
}
