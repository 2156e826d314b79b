"""Rate: how many messages one connection may send."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chateau.hub.ports import Clock


class Bucket:
    """A token bucket: *rate* tokens a second flow in. It starts full, with twice that and at least one."""

    __slots__ = ("_capacity", "_clock", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._capacity = self._tokens = max(2 * rate, 1.0)
        self._filled_at = clock()

    def take(self) -> bool:
        """Take a token; False when there is none."""
        now = self._clock()
        tokens = min(self._tokens + (now - self._filled_at) * self._rate, self._capacity)
        self._filled_at = now
        if tokens < 1:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1
        return True
