"""Rate: how many messages one connection may send."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chateau.hub.ports import Clock


class Bucket:
    """A token bucket: *rate* tokens a second flow in, twice that is the most it holds, and it starts full."""

    __slots__ = ("_clock", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = 2 * rate
        self._filled_at = clock()

    def take(self) -> bool:
        """Take a token; False when there is none."""
        now = self._clock()
        tokens = min(self._tokens + (now - self._filled_at) * self._rate, 2 * self._rate)
        self._filled_at = now
        if tokens < 1:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1
        return True
