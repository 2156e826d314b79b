"""Access: which addresses and which rooms are shut.

A ban is of an address and holds until it is lifted or the server stops; a room is closed to all or
locked to those who know its password. What is refused is told with :class:`AccessDenied`.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from chateau.hub.errors import AccessDenied, quoted

if TYPE_CHECKING:
    from chateau.hub.room import Room


class Bans:
    """The banned addresses."""

    def __init__(self) -> None:
        self._addresses: set[str] = set()

    def __contains__(self, address: str) -> bool:
        return address in self._addresses

    def add(self, address: str) -> None:
        """Ban *address*."""
        self._addresses.add(address)

    def lift(self, address: str) -> None:
        """Let *address* in again; it need not be banned."""
        self._addresses.discard(address)


def check_open(room: Room) -> None:
    """Refuse what nobody may do in a closed room.

    Raises:
        AccessDenied: *room* is closed.
    """
    if room.closed:
        raise AccessDenied(f"The room {quoted(room.name)} is closed.")


def check_entry(room: Room, password: str | None) -> None:
    """Refuse who may not come in. A password that *room* does not ask for is ignored.

    Raises:
        AccessDenied: *room* is closed, or locked and *password* is not its password.
    """
    check_open(room)
    if room.password is not None and not matches(password, room.password):
        raise AccessDenied(f"The room {quoted(room.name)} is locked; its password is needed.")


def matches(given: str | None, secret: str) -> bool:
    """Whether *given* is *secret*, found out in the same time for every wrong guess of one length."""
    return given is not None and hmac.compare_digest(given.encode(), secret.encode())
