"""Errors that only requests by HTTP can get: what they are made of is not what the server takes."""

from __future__ import annotations

from chateau.hub.errors import HubError


class UnsupportedMedia(HubError):
    code = "unsupported_media"


class TargetTooLong(HubError):
    code = "target_too_long"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request's target is too long; the maximum is {limit} bytes.")


class HeadersTooLarge(HubError):
    code = "headers_too_large"


class InvalidRequest(HubError):
    """What arrived is not a request of HTTP/1.1, so that its endpoint is not known."""

    code = "invalid_message"
