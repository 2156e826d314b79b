"""Allowances: how much a client may ask for, in tokens.

A client gains ``--max-rate`` tokens per second, and may save up those of two seconds. What a request costs
is in :mod:`chateau.protocols.costs`: a direct message costs one token. A request is served while there is at
least one token, whatever it costs, so an expensive one leaves a debt. Above the rate the first few requests
are refused, so that the client learns of it; then its socket is not read until it has tokens again. The
connection stays open, and uses no CPU.

Requests over HTTP need no connection of their own, so they share one allowance per address, whichever
connections they come on (``--max-publish-rate``).
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import TYPE_CHECKING, Final

from chateau.hub.guesses import share_of
from chateau.protocols.errors import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable

WARNINGS: Final = 10
"""How many requests above the rate are refused before the server stops reading; as many again once the
client has saved up all tokens."""

MAX_PAUSE_SECONDS: Final = 10.0
"""The longest pause, after a request of any cost."""

RESUME_SECONDS: Final = 0.05
"""A paused client is read again when it has gained the tokens of this time, at least one."""


class Allowance:
    """The tokens of one client, or of one address. It starts full."""

    __slots__ = ("_capacity", "_filled_at", "_rate", "_tokens", "_warnings")

    def __init__(self, rate: float, now: float) -> None:
        """*rate* is in tokens per second, more than 0; *now* is a time in seconds."""
        self._rate = rate
        self._capacity = self._tokens = max(2 * rate, 1.0)
        self._filled_at = now
        self._warnings = WARNINGS

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Take *cost* tokens and return True, or return False if there is less than one token."""
        tokens = self._tokens + (now - self._filled_at) * self._rate
        self._filled_at = now
        if tokens >= self._capacity:
            tokens = self._capacity
            self._warnings = WARNINGS
        if tokens < 1:
            self._tokens = tokens
            return False
        self._tokens = tokens - cost
        return True

    def charge(self, cost: float) -> None:
        """Take *cost* tokens more for a request that is being served, even if there are fewer."""
        self._tokens = max(self._tokens - cost, 1 - MAX_PAUSE_SECONDS * self._rate)

    def may_warn(self) -> bool:
        """Return whether a request above the rate is refused; otherwise it has to wait."""
        self._warnings -= 1
        return self._warnings >= 0

    def pause_seconds(self) -> float:
        """Return how long a client without tokens is not read."""
        wanted = max(1.0, min(RESUME_SECONDS * self._rate, self._capacity))
        return min(max(wanted - self._tokens, 0.0) / self._rate, MAX_PAUSE_SECONDS)

    def is_full(self, now: float) -> bool:
        """Return whether all tokens have been saved up, so that a new allowance is as good."""
        return self._tokens + (now - self._filled_at) * self._rate >= self._capacity


class AddressAllowances:
    """The allowances of addresses, for requests over HTTP. One that is full again is dropped."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        """*rate* is in tokens per second and address, 0 for no limit; *clock* returns seconds."""
        self._rate = rate
        self._clock = clock
        self._by_share: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        """Return how many allowances are stored."""
        return len(self._by_share)

    def of(self, address: str) -> Allowance | None:
        """Return the allowance of *address*, to be used now; None without a limit."""
        if not self._rate:
            return None
        share = share_of(address)
        allowance = self._by_share.get(share)
        if allowance is None:
            now = self._clock()
            self._drop_full(now)
            allowance = self._by_share[share] = Allowance(self._rate, now)
        return allowance

    def take(self, address: str) -> Allowance | None:
        """Take a token of *address*, and return the allowance for what the request costs above that.

        Raises:
            TooManyRequests: there is none.
        """
        allowance = self.of(address)
        if allowance is not None and not allowance.take(self._clock()):
            raise self.excess(allowance)
        return allowance

    def excess(self, allowance: Allowance) -> TooManyRequests:
        """Return the error of a request for which *allowance* has no token."""
        return TooManyRequests(self._rate, max(ceil(allowance.pause_seconds()), 1))

    def _drop_full(self, now: float) -> None:
        """Drop the full ones of the next two, so that no more are stored than are in use, and as many again.

        Each new address pays for this: there is no sweep through all of them.
        """
        for _ in range(min(2, len(self._by_share))):
            share, allowance = self._by_share.popitem(last=False)
            if not allowance.is_full(now):
                self._by_share[share] = allowance
