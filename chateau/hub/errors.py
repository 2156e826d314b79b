"""Errors of the hub: one class per error response, each with its stable code.

Each protocol encodes them in its own way, and the session continues. The codes are part of every protocol
and are never renamed.
"""

from __future__ import annotations

from typing import ClassVar

QUOTE_LIMIT = 60
"""Maximum number of characters from a client that an error text repeats."""


def cut(text: str) -> str:
    """Return *text*, shortened to ``QUOTE_LIMIT``."""
    return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def quoted(text: str) -> str:
    """Return *text* in quotation marks, shortened to ``QUOTE_LIMIT``."""
    return f'"{cut(text)}"'


class HubError(Exception):
    """A rejected request. No client sees an effect of it; see :class:`Unavailable` for the exceptions."""

    code: ClassVar[str]


class NotRegistered(HubError):
    code = "not_registered"

    def __init__(self) -> None:
        super().__init__("Register a username first.")


class AlreadyRegistered(HubError):
    code = "already_registered"

    def __init__(self, username: str) -> None:
        super().__init__(f"This session is already registered as {quoted(username)}.")


class NameTaken(HubError):
    code = "name_taken"

    def __init__(self, username: str) -> None:
        super().__init__(f"The username {quoted(username)} is taken.")


class InvalidName(HubError):
    code = "invalid_name"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{quoted(name)} cannot be a name: {reason}.")


class UnknownRecipient(HubError):
    """Some names are not registered; *unknown* lists them as the client sent them."""

    code = "unknown_recipient"

    def __init__(self, unknown: list[str]) -> None:
        self.unknown = unknown
        others = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        super().__init__(f"Nobody is registered as {quoted(unknown[0])}{others}.")


class UnknownRoom(HubError):
    code = "unknown_room"

    def __init__(self, room: str) -> None:
        super().__init__(f"There is no room {quoted(room)}.")


class NotInRoom(HubError):
    code = "not_in_room"

    def __init__(self, room: str) -> None:
        super().__init__(f"You are not in the room {quoted(room)}.")


class AlreadyInRoom(HubError):
    code = "already_in_room"

    def __init__(self, room: str) -> None:
        super().__init__(f"You are already in the room {quoted(room)}.")


class AccessDenied(HubError):
    code = "access_denied"


class InvalidAddress(HubError):
    code = "invalid_message"

    def __init__(self, text: str) -> None:
        super().__init__(f"{quoted(text)} is neither an IP address nor a range such as 192.0.2.0/24.")


class TooManyTries(HubError):
    """Too many wrong keys from one address. One of four errors with this code.

    The others are ``RateLimited`` and ``TooManyRequests`` (:mod:`chateau.protocols.errors`), and
    ``TooManyCommands`` (:mod:`chateau.protocols.plugin_commands`).
    """

    code = "rate_limited"

    def __init__(self) -> None:
        super().__init__("Too many wrong keys came from this address: try again in a minute.")


class Banned(HubError):
    code = "banned"

    def __init__(self) -> None:
        super().__init__("This address is banned.")


class Unavailable(HubError):
    """The request requires something that is not available now, for example the store.

    Raised by the hub, it means that nothing was delivered or stored; a seq of the room may be skipped.
    Sent after a commit has failed, it means that the message was delivered and is not stored; its text
    reports that.
    """

    code = "unavailable"
