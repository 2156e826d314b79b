"""Limits of log lines whose number a client decides: one line per minute for each text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE: Final = 60.0

KEYS: Final = 100
"""Maximum number of different texts per minute. Further ones are not logged."""

SHOWN_CHARACTERS: Final = 300
"""Maximum length of what a client sent, in a log line."""


class LogLimit:
    """Allows one line per key and *seconds*, and ``KEYS`` lines in all. Once for ever with ``math.inf``."""

    def __init__(self, seconds: float = MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._logged_at: dict[str, float] = {}  # in the order of the times

    def allows(self, key: str) -> bool:
        """Return whether to write a line about *key* now; it counts as written then."""
        now = self._clock()
        while self._logged_at:
            oldest = next(iter(self._logged_at))
            if now - self._logged_at[oldest] < self._seconds:
                break
            del self._logged_at[oldest]
        if key in self._logged_at or len(self._logged_at) >= KEYS:
            return False
        self._logged_at[key] = now
        return True


def is_milestone(count: int) -> bool:
    """Return whether to write a line about *count* equal events: the 1st, 2nd, 4th, 8th …, not each."""
    return count & (count - 1) == 0


def shown(text: str) -> str:
    """Return *text* from a client as it can stand in a log line or a header: printable ASCII, and cut."""
    return text[:SHOWN_CHARACTERS].encode("unicode_escape").decode()
