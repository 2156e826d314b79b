"""Errors that the protocols raise themselves, and the HTTP status of every error code.

They extend the hub's errors (:mod:`chateau.hub.errors`): one class hierarchy, one list of codes.
"""

from __future__ import annotations

from chateau.hub.errors import HubError


class InvalidJson(HubError):
    code = "invalid_json"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid JSON: {reason}.")


class NotAnObject(HubError):
    code = "not_an_object"

    def __init__(self, kind: str) -> None:
        super().__init__(f"A message must be a JSON object, not {kind}.")


class BinaryFrame(HubError):
    code = "binary_frame"

    def __init__(self) -> None:
        super().__init__("Binary frames are not supported; send a text frame.")


class UnknownType(HubError):
    code = "unknown_type"


class InvalidMessage(HubError):
    """A message violates its schema: *path* is a JSON Pointer (RFC 6901), *schema* the schema's URL here."""

    code = "invalid_message"

    def __init__(self, sentence: str, *, path: str, schema: str) -> None:
        self.path = path
        self.schema = schema
        super().__init__(sentence)


class RateLimited(HubError):
    code = "rate_limited"

    def __init__(self, rate: float) -> None:
        super().__init__(f"Too many messages; the maximum is {rate:g} per second on one connection.")


class TooManyRequests(HubError):
    """Requests over HTTP above the rate of an address; it has tokens again in *retry_seconds*."""

    code = "rate_limited"
    retry_seconds = 1

    def __init__(self, rate: float, retry_seconds: int) -> None:
        self.retry_seconds = retry_seconds
        super().__init__(f"Too many requests; the maximum is {rate:g} tokens per second from one address.")


class TooLarge(HubError):
    code = "too_large"


class Internal(HubError):
    code = "internal"

    def __init__(self) -> None:
        super().__init__("Internal server error; see the server's log.")


HTTP_STATUSES = {
    "access_denied": 403,
    "banned": 403,
    "unknown_room": 404,
    "unknown_session": 404,
    "unknown_recipient": 404,
    "too_large": 413,
    "target_too_long": 414,
    "unsupported_media": 415,
    "rate_limited": 429,
    "headers_too_large": 431,
    "internal": 500,
    "unavailable": 503,
}
"""The HTTP status of each error code; 400 for all others. The admin API has two exceptions of its own."""
