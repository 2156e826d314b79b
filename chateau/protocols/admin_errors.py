"""The error catalog of the admin API; see :mod:`chateau.protocols.error_catalog`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub.errors import (
    AccessDenied,
    HubError,
    InvalidAddress,
    InvalidName,
    TooManyTries,
    Unavailable,
    UnknownRecipient,
)
from chateau.protocols.admin import AdminOff, UnknownSession
from chateau.protocols.error_catalog import (
    ANY,
    ENCODED,
    SPACE,
    UNKEPT,
    UNKNOWN_ROOM,
    WRONG_KEY,
    ErrorCase,
    ErrorCases,
    ErrorCatalog,
    against,
    always,
)
from chateau.protocols.errors import Internal, InvalidJson, NotAnObject, TooLarge, UnknownType

if TYPE_CHECKING:
    from chateau.protocols.schemas import SchemaSet

BODY_BYTES = 65_536

CLOSING = always(Unavailable("The server is shutting down."))
NO_SESSION = ErrorCase(lambda request, _: UnknownSession(request["session"]))


def _no_address(name: str) -> ErrorCase:
    def refuse(request: Any, schemas: SchemaSet) -> HubError:
        sentence = str(InvalidAddress(request["addresses"]))
        return schemas.validation_error_at(f"{name}-request", ["addresses"], sentence)

    return ErrorCase(refuse, "`addresses` is no address, and no range.", {"addresses": "192.0.2"})


def _of_room(name: str) -> ErrorCases:
    return (UNKNOWN_ROOM, against(f"{name}-request", {}))


ERRORS: ErrorCatalog = {
    ANY: (
        always(AdminOff(), "The server has no `--secret-key`. (The status is 403.)"),
        always(
            AccessDenied("The secret key is missing: send it as Authorization: Bearer KEY."),
            "The header `Authorization` brings no key.",
        ),
        WRONG_KEY._replace(description="The key is wrong."),
        always(TooManyTries(), "Five wrong keys came from this address within a minute."),
        always(UnknownType("There is no such address below /admin/.")),
        always(
            InvalidJson("unexpected end of data at line 1, column 2"), "The body of a POST is no JSON.", "{"
        ),
        always(NotAnObject("an array"), "The body is JSON, but no object.", "[]"),
        always(TooLarge(f"A body may have {BODY_BYTES} bytes."), "The body is longer than 64 KiB."),
        ENCODED,
        always(Internal()),
    ),
    "sessions": (against("sessions-request", {"limit": 0}),),
    "rooms": (),
    "bans": (),
    "live": (against("live-request", {"limit": 0}), CLOSING),
    "tap": (NO_SESSION, against("tap-request", {}), CLOSING),
    "kick": (NO_SESSION, against("kick-request", {})),
    "ban": (_no_address("ban"), against("ban-request", {})),
    "unban": (_no_address("unban"), against("unban-request", {})),
    "open-room": _of_room("open-room"),
    "close-room": _of_room("close-room"),
    "lock-room": (UNKNOWN_ROOM, against("lock-room-request", {"room": "lobby"})),
    "delete-room": (
        UNKNOWN_ROOM,
        UNKEPT._replace(description="The disk fails: nothing was deleted."),
        against("delete-room-request", {}),
    ),
    "ban-from-room": (
        UNKNOWN_ROOM,
        ErrorCase(lambda request, _: UnknownRecipient([request["username"]]), "Nobody has that name."),
        against("ban-from-room-request", {"room": "lobby"}),
    ),
    "unban-from-room": (
        UNKNOWN_ROOM,
        always(
            InvalidName(" bob", SPACE), "It can be no user's name.", {"room": "lobby", "username": " bob"}
        ),
        against("unban-from-room-request", {"room": "lobby"}),
    ),
    "shutdown": (against("shutdown-request", {"reason": 7}),),
}
