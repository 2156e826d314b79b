"""The error catalog of the channels protocol; see :mod:`chateau.protocols.error_catalog`.

Packages may be anything and have no schema, so what is sent stands here as HTTP, in short. Subscriptions are
rejected before there is a connection: openapi.json lists the statuses.
"""

from __future__ import annotations

from chateau.hub.errors import AccessDenied, Banned, InvalidName, Unavailable
from chateau.protocols.channels import InvalidKey
from chateau.protocols.error_catalog import (
    ANY,
    MAX_FRAME,
    TOO_MANY_KEYS,
    UNKEPT,
    ErrorCase,
    ErrorCatalog,
    always,
)
from chateau.protocols.errors import Internal, InvalidJson, NotAnObject, TooLarge, UnknownType
from chateau.protocols.publications import InvalidText

LONG = "x" * 65

TOO_LONG_NAME = InvalidName(LONG, "it is longer than 64 characters")

PUBLISH = "package-request"
BROADCAST = "broadcast-request"

CLOSED = always(AccessDenied('The room "news" is closed.'), "The room is closed.")
LOCKED = always(
    AccessDenied('The room "news" is locked; its password is needed.'),
    "The room is locked: nobody publishes.",
)
PASSED_ON = always(
    Unavailable("A publication was delivered but could not be saved."),
    "The disk failed when it had been passed on.",
)

ERRORS: ErrorCatalog = {
    ANY: (
        always(Banned()),
        always(
            AccessDenied("The publishing password is missing or wrong."),
            "The server has a password (`--pwd`), and it is missing or wrong.",
        ),
        always(
            AccessDenied(
                "Pages of this origin may not publish here; "
                "--allow-origin https://example.org would allow it."
            ),
            "A page of another origin sent it, which `--allow-origin` does not name.",
        ),
        TOO_MANY_KEYS,
        always(TooLarge(f"A body may have {MAX_FRAME} bytes."), "The body is longer than `--max-frame`."),
        always(InvalidKey(), "The header `Idempotency-Key` is empty or too long."),
        always(Internal()),
    ),
    PUBLISH: (
        always(
            UnknownType('"xml" is no type of package; it is text, json or bytes.'),
            "The header `Package-Type` names no type that there is.",
            "Package-Type: xml",
        ),
        always(InvalidText(), "A text package is not UTF-8."),
        always(InvalidJson("unexpected end of data at line 1, column 2"), "A JSON package is no JSON.", "{"),
        always(TOO_LONG_NAME, "The name can be no channel's.", f"POST /channel/{LONG}/"),
        CLOSED,
        LOCKED,
        UNKEPT,
        PASSED_ON,
    ),
    BROADCAST: (
        always(InvalidJson("unexpected end of data at line 1, column 2"), "The body is no JSON.", "{"),
        always(NotAnObject("an array"), "The body is JSON, but no object.", "[]"),
        ErrorCase(
            lambda request, schemas: schemas.validation_error(BROADCAST, request, str(request)),
            "The request violates the schema; `X-Error` has the place.",
            {"news": "Hi all"},
        ),
        always(TOO_LONG_NAME, "A name can be no channel's.", {LONG: []}),
        CLOSED,
        LOCKED,
        UNKEPT,
        PASSED_ON,
    ),
}
