"""What a protocol refuses by itself, before the hub hears of it.

They stand beside the hub's refusals: one family, one list of codes.
"""

from __future__ import annotations

from chateau.hub.errors import HubError


class InvalidJson(HubError):
    code = "invalid_json"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is not JSON: {reason}.")


class NotAnObject(HubError):
    code = "not_an_object"

    def __init__(self, kind: str) -> None:
        super().__init__(f"A message is a JSON object, not {kind}.")


class BinaryFrame(HubError):
    code = "binary_frame"

    def __init__(self) -> None:
        super().__init__("Messages are text frames; this was a binary one.")


class UnknownType(HubError):
    code = "unknown_type"


class InvalidMessage(HubError):
    """A schema says no: *path* is a JSON Pointer (RFC 6901) to the fault, *schema* the schema's URL here."""

    code = "invalid_message"

    def __init__(self, sentence: str, *, path: str, schema: str) -> None:
        self.path = path
        self.schema = schema
        super().__init__(sentence)


class RateLimited(HubError):
    code = "rate_limited"

    def __init__(self, rate: float) -> None:
        super().__init__(f"Too many messages: at most {rate:g} a second are taken on one connection.")


class TooLarge(HubError):
    code = "too_large"


class Internal(HubError):
    code = "internal"

    def __init__(self) -> None:
        super().__init__("The server failed at this request; it has logged why.")
