"""MessageIdGenerator: the ids and times of new messages.

An id is a ULID (https://github.com/ulid/spec), so ids sort by time. One ULID is generated per millisecond;
the other ids of that millisecond count up in its last characters, so they sort in the order of generation.
"""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import randbits
from typing import TYPE_CHECKING

from chateau.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, whose order is the characters' own
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_COUNT_LENGTH = 4  # the characters at the end of an id that count up
_COUNT_LIMIT = 32**_COUNT_LENGTH


class MessageIdGenerator:
    """Generates ids and times. Ids rise strictly and times never go back, even if the clock does."""

    __slots__ = ("_clock", "_count", "_millisecond", "_prefix", "_time")

    _count: int
    _prefix: str
    _millisecond: int
    _time: str

    def __init__(self, clock: Callable[[], float]) -> None:
        """*clock* returns seconds since 1970, UTC."""
        self._clock = clock
        self._start(int(clock() * 1000))

    def __call__(self) -> tuple[str, str]:
        """Return the id and the time (RFC 3339, UTC, milliseconds) of a new message."""
        millisecond = int(self._clock() * 1000)
        if millisecond > self._millisecond:
            self._start(millisecond)
        elif self._count == _COUNT_LIMIT:
            self._start(self._millisecond + 1)
        count = self._count
        self._count = count + 1
        return self._prefix + _PAIRS[count >> 10] + _PAIRS[count & 1023], self._time

    def _start(self, millisecond: int) -> None:
        self._millisecond = millisecond
        self._prefix = ulid(millisecond, randbits(80))[:-_COUNT_LENGTH]
        self._count = 0
        self._time = rfc3339(datetime.fromtimestamp(millisecond / 1000, UTC))


def ulid(millisecond: int, random: int) -> str:
    """Return the ULID of *millisecond* since 1970 and 80 *random* bits, in Crockford's base 32."""
    value = millisecond << 80 | random
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
