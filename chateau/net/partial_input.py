"""Partial input: what clients have begun to send, and the server has to keep until the rest has come.

One frame, line or body has a limit of its own, and there may be as many of them as connections. So all
together have a limit, too. At the limit the address that has the most loses its largest one, so that those
who fill the memory pay for it, and not those who come last.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final, Protocol

from chateau.net.log_limits import is_milestone

log = logging.getLogger(__name__)

COUNTED_FROM_BYTES: Final = 4_096
"""Smaller amounts are not counted: every connection may have one at any time."""


class Sender(Protocol):
    """A client that has sent a part of something."""

    address: str

    def drop_input(self, reason: str) -> None:
        """End, for *reason*, and release what has been received. Must not raise."""


class PartialInput:
    """Counts the partial input of a server's clients, *limit* bytes at most; 0 is no limit."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._sizes: dict[Sender, int] = {}
        self._of_address: Counter[str] = Counter()
        self.total = 0
        self._dropped = 0

    def set(self, sender: Sender, size: int) -> None:
        """Count *size* bytes for *sender*, instead of what was counted for it before."""
        if size < COUNTED_FROM_BYTES:
            size = 0
        grown = size - self._sizes.get(sender, 0)
        if not grown:
            return
        if size:
            self._sizes[sender] = size
        else:
            del self._sizes[sender]
        self.total += grown
        self._of_address[sender.address] += grown
        if not self._of_address[sender.address]:
            del self._of_address[sender.address]
        while 0 < self._limit < self.total:
            self._drop_largest()

    def _drop_largest(self) -> None:
        [(address, held)] = self._of_address.most_common(1)
        largest = max((each for each in self._sizes if each.address == address), key=self._sizes.__getitem__)
        self._dropped += 1
        if is_milestone(self._dropped):
            log.warning(
                "--max-partial-input %d is reached: %s has %d bytes of it; %d client(s) ended so far",
                self._limit,
                address or "the UNIX socket",
                held,
                self._dropped,
            )
        self.set(largest, 0)
        largest.drop_input("too much unfinished input")
