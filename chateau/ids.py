"""The mint: ids and times for new messages.

An id is a ULID, so ids sort by time. One is drawn a millisecond (3 µs); the messages of that
millisecond count on from it in its last characters (0.3 µs), so they sort in the order of minting.
"""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import token_bytes
from typing import TYPE_CHECKING

from ulid import ULID

from chateau.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, whose order is the characters' own
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_COUNT_LENGTH = 4  # the characters at an id's end that count
_COUNT_LIMIT = 32**_COUNT_LENGTH


class MessageIdGenerator:
    """Gives out ids and times.

    Ids rise strictly and times never go back, also when the clock does.
    """

    __slots__ = ("_clock", "_count", "_drawn", "_millisecond", "_time")

    _count: int
    _drawn: str
    _millisecond: int
    _time: str

    def __init__(self, clock: Callable[[], float]) -> None:
        """*clock* returns seconds since 1970, UTC."""
        self._clock = clock
        self._draw(int(clock() * 1000))

    def __call__(self) -> tuple[str, str]:
        """A new message's id and its time (RFC 3339, UTC, milliseconds)."""
        millisecond = int(self._clock() * 1000)
        if millisecond > self._millisecond:
            self._draw(millisecond)
        elif self._count == _COUNT_LIMIT:
            self._draw(self._millisecond + 1)
        count = self._count
        self._count = count + 1
        return self._drawn + _PAIRS[count >> 10] + _PAIRS[count & 1023], self._time

    def _draw(self, millisecond: int) -> None:
        self._millisecond = millisecond
        # Drawn here: python-ulid's own ids of one millisecond count on from one another in a process.
        self._drawn = str(ULID.from_bytes(millisecond.to_bytes(6) + token_bytes(10)))[:-_COUNT_LENGTH]
        self._count = 0
        self._time = rfc3339(datetime.fromtimestamp(millisecond / 1000, UTC))
