"""Limits of connections: how many there may be, in total and from one address.

A connection counts from the moment it is accepted, on whichever port. At a limit the oldest connection that
nobody would miss makes room: one without a username and without a room, or one that has sent no request yet.
If there is none, the new one is refused.
"""

from __future__ import annotations

import logging
from collections import Counter
from itertools import islice
from typing import Final, Protocol

from chateau.net.log_limits import is_milestone

log = logging.getLogger(__name__)

LOOKED_AT: Final = 1_000
"""How many connections are looked at to find one that can make room: less than a millisecond's work."""


class Counted(Protocol):
    """An open connection."""

    address: str
    """Whose it is: see :func:`chateau.hub.guesses.share_of`; empty on a UNIX socket."""

    @property
    def is_expendable(self) -> bool:
        """Whether nobody would miss it."""

    def make_room(self) -> None:
        """End now, so that another one can be accepted. Must not raise."""


class ConnectionLimits:
    """Counts the open connections of a server. A limit of 0 is none."""

    def __init__(self, *, total: int = 0, per_address: int = 0) -> None:
        self._total = total
        self._per_address = per_address
        self._open: dict[Counted, None] = {}  # oldest first
        self._of_address: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Counted) -> None:
        """Count *connection*, which has been admitted."""
        self._open[connection] = None
        self._of_address[connection.address] += 1

    def remove(self, connection: Counted) -> None:
        """Count *connection* no longer. Idempotent."""
        if connection in self._open:
            del self._open[connection]
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def rejection(self, address: str, *, is_shared: bool = False) -> str | None:
        """Return why another connection from *address* is refused; None if there is room, or is now.

        *is_shared*: many clients have the address, such as a trusted proxy's.
        """
        own = 0 if is_shared or not address else self._of_address[address]
        if 0 < self._per_address <= own and not self._free(address):
            return self._refuse("from your address", self._per_address, "--max-connections-per-address")
        if 0 < self._total <= len(self._open) and not self._free(None):
            return self._refuse("to this server", self._total, "--max-connections")
        return None

    def _free(self, address: str | None) -> bool:
        """End the oldest expendable connection, of *address* if given; return whether there was one."""
        for connection in islice(self._open, LOOKED_AT):
            if (address is None or connection.address == address) and connection.is_expendable:
                self.remove(connection)
                connection.make_room()
                return True
        return False

    def _refuse(self, whose: str, limit: int, flag: str) -> str:
        self._refused[flag] += 1
        count = self._refused[flag]
        if is_milestone(count):
            log.warning("%s %d is reached: %d connection(s) refused so far", flag, limit, count)
        return f"Too many connections {whose}: the maximum is {limit}. Try again later."
