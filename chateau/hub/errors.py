"""What the hub refuses: one class a refusal, each with its stable code.

A refusal is told to the client and the session goes on; how it is told is each protocol's own affair.
The codes are part of every wire's contract: they are never renamed.
"""

from __future__ import annotations

from typing import ClassVar

QUOTE_LIMIT = 60
"""Characters of what a client sent that one error may repeat."""


def cut(text: str) -> str:
    """*text*, cut to what an error may repeat."""
    return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def quoted(text: str) -> str:
    """*text* in quotation marks, cut to what an error may repeat."""
    return f'"{cut(text)}"'


class HubError(Exception):
    """A request that was refused, whole: nothing of it was done."""

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
    """Some of the names are not registered; *unknown* lists them as they were given."""

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
    code = "rate_limited"

    def __init__(self) -> None:
        super().__init__("Too many wrong keys came from this address: try again in a minute.")


class Banned(HubError):
    code = "banned"

    def __init__(self) -> None:
        super().__init__("This address is banned.")


class Unavailable(HubError):
    """Something that the answer rests on, the store say, cannot be had now."""

    code = "unavailable"
