"""Admission: the ban and the rate limit, which every request of a client has to pass first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import Banned
from chateau.protocols.errors import RateLimited

if TYPE_CHECKING:
    from chateau.hub.ports import Clock
    from chateau.hub.session import Session


class Admission:
    """Admits the requests of one session: not banned, and at most *max_rate* per second (0 is unlimited)."""

    __slots__ = ("_bucket", "_max_rate", "_session")

    def __init__(self, session: Session, *, max_rate: float, clock: Clock) -> None:
        self._session = session
        self._max_rate = max_rate
        self._bucket = TokenBucket(max_rate, clock) if max_rate else None

    def check(self) -> None:
        """Admit one request.

        Raises:
            Banned, RateLimited.
        """
        if self._session.banned:
            raise Banned
        if self._bucket is not None and not self._bucket.take():
            raise RateLimited(self._max_rate)


class TokenBucket:
    """A token bucket that gains *rate* tokens per second. It starts full, with ``2 * rate``, at least 1."""

    __slots__ = ("_capacity", "_clock", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._capacity = self._tokens = max(2 * rate, 1.0)
        self._filled_at = clock()

    def take(self) -> bool:
        """Take a token and return True, or return False if there is none."""
        now = self._clock()
        tokens = min(self._tokens + (now - self._filled_at) * self._rate, self._capacity)
        self._filled_at = now
        if tokens < 1:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1
        return True
