"""The error catalog of the channels protocol; see :mod:`chateau.protocols.error_catalog`.

Packages may be anything and have no schema, so what is sent stands here as HTTP, in short. Subscriptions are
rejected before there is a connection: openapi.json lists the statuses.
"""

from __future__ import annotations

from chateau.hub.errors import AccessDenied, Banned, InvalidName, Unavailable
from chateau.hub.lookalikes import RESERVED
from chateau.protocols.channels import InvalidKey
from chateau.protocols.error_catalog import (
    ANY,
    ENCODED,
    MAX_FRAME,
    MAX_HEAD,
    MAX_HEADERS,
    MAX_TARGET,
    TOO_MANY_KEYS,
    UNKEPT,
    ErrorCase,
    ErrorCatalog,
    always,
)
from chateau.protocols.errors import (
    Internal,
    InvalidJson,
    NotAnObject,
    TooLarge,
    TooManyRequests,
    UnknownType,
)
from chateau.protocols.http_errors import HeadersTooLarge, InvalidRequest, TargetTooLong, UnsupportedMedia
from chateau.protocols.publications import InvalidText

LONG = "x" * 65

TOO_LONG_NAME = InvalidName(LONG, "it is longer than 64 characters")
RESERVED_NAME = InvalidName("chateau", RESERVED)

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
        always(
            TooManyRequests(2_000, 1),
            "Requests from one address exceed `--max-publish-rate`; `Retry-After` has the seconds to wait.",
        ),
        ENCODED,
        always(
            UnsupportedMedia(
                'The body has the Content-Type "image/png"; expected text, or Package-Type: bytes.'
            ),
            "The header `Content-Type` has a type that is not text, and `Package-Type` is not `bytes`.",
            "Content-Type: image/png",
        ),
        always(
            UnsupportedMedia('The body has the charset "utf-16"; expected text in UTF-8.'),
            "The header `Content-Type` has a charset that is neither UTF-8 nor a superset of ASCII.",
            "Content-Type: text/plain; charset=utf-16",
        ),
        always(TargetTooLong(MAX_TARGET), "The target is longer than `--max-target`."),
        always(
            HeadersTooLarge(f"The request has too many headers; the maximum is {MAX_HEADERS}."),
            "There are more headers than `--max-headers`.",
        ),
        always(
            HeadersTooLarge(f"The request's headers are too long; the maximum is {MAX_HEAD} bytes."),
            "The first line and the headers are longer than `--max-head`.",
        ),
        always(
            InvalidRequest('The target "news" is invalid; expected a path such as /ws.'),
            "It is not a valid request of HTTP/1.1.",
            "POST news HTTP/1.1",
        ),
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
        always(RESERVED_NAME, "The name is reserved, or looks like another name.", "POST /channel/chateau/"),
        CLOSED,
        LOCKED,
        UNKEPT,
        PASSED_ON,
    ),
    BROADCAST: (
        always(InvalidJson("unexpected end of data at line 1, column 2"), "The body is no JSON.", "{"),
        always(NotAnObject("an array"), "The body is JSON, but no object.", "[]"),
        ErrorCase(
            lambda request, schemas: schemas.validation_error(BROADCAST, request),
            "The request violates the schema; `X-Error` has the place.",
            {"news": "Hi all"},
        ),
        always(TOO_LONG_NAME, "A name can be no channel's.", {LONG: []}),
        always(RESERVED_NAME, "A name is reserved, or looks like another name.", {"chateau": []}),
        CLOSED,
        LOCKED,
        UNKEPT,
        PASSED_ON,
    ),
}
