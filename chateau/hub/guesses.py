"""Guesses: how often secrets may be tried, by address. Secrets are the secret key, passwords, and tokens.

After ``TRIES`` wrong attempts within ``TRIES_SECONDS`` an address has one attempt per ``TURN_SECONDS``. The
others wait for their turns, in the order in which they came; one client has one attempt at a time, so that
the clients of an address take turns. No attempt is refused because of others, unless ``WAITING`` of them wait
in all: then the address that has most of them loses its last one.

Addresses do not delay each other. Where an address is shared, a client that has presented a secret can use
that secret without waiting, until it presents a wrong one. An IPv6 network of /64 counts as one address,
because one client can have all of its addresses.
"""

from __future__ import annotations

import hmac
from collections import deque
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from chateau.hub.errors import TooManyTries

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.ports import CallLater, Clock

TRIES: Final = 5
"""Maximum number of wrong attempts from one address in ``TRIES_SECONDS`` before its attempts have to wait."""

TRIES_SECONDS: Final = 60.0

TURN_SECONDS: Final = 1.0
"""Time between two attempts of an address that is over the limit."""

EARLY_SECONDS: Final = 0.01
"""How much earlier than asked a timer may call."""

WAITING: Final = 2_000
"""Maximum number of attempts that wait, of all addresses."""

ADDRESSES: Final = 10_000
"""Maximum number of addresses whose wrong attempts are remembered; then the oldest are forgotten."""

SECRETS: Final = 8
"""Maximum number of secrets that are remembered to be known to one client."""


class MustWait(Exception):
    """The attempt has to wait for its turn. Nothing is changed; see :meth:`Guesses.wait`."""


class _Tries:
    """The attempts of one address: the times of wrong ones, and those that wait."""

    __slots__ = ("next_turn_at", "times", "waiting")

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=TRIES)
        self.next_turn_at = 0.0
        self.waiting: dict[object, Callable[[], None]] = {}  # by client, in the order of their turns

    def is_over_limit(self, now: float) -> bool:
        return len(self.times) == TRIES and now - self.times[0] < TRIES_SECONDS


class Guesses:
    """The attempts at all secrets of one server.

    A client is any object that lives as long as its connection, and is compared by identity.
    """

    def __init__(self, *, clock: Clock, call_later: CallLater, waiting_limit: int = WAITING) -> None:
        self.call_later = call_later
        self.waiting_limit = waiting_limit
        self._clock = clock
        self._tries: dict[str, _Tries] = {}  # by address, those with the latest wrong attempts last
        self._known: WeakKeyDictionary[object, set[tuple[str, str]]] = WeakKeyDictionary()
        self._turns: dict[object, bool] = {}  # of clients that have waited: has an attempt, or is refused
        self._queues: set[_Tries] = set()  # those with attempts that wait
        self._waiting = 0
        self._is_closed = False

    def is_right(self, guess: str, secret: str | None, *, client: object, address: str) -> bool:
        """Return whether *guess* is *secret*, or count it as wrong. Without a secret, every guess is wrong.

        Raises:
            MustWait: the address is over the limit.
            TooManyTries: too many attempts wait already.
        """
        now = self._clock()
        share = share_of(address)
        is_known = secret is not None and (share, secret) in self._known.get(client, ())
        if self._tries:
            self._forget_old(now)
            if not is_known:
                self._check_turn(client, share, now)
        if secret is not None and matches(guess, secret):
            if not is_known:
                self._remember(client, share, secret)
            return True
        self._known.pop(client, None)
        self._count(share, now)
        return False

    def wait(self, client: object, address: str, on_turn: Callable[[], None]) -> None:
        """Call *on_turn* when *client*, whose attempt raised MustWait, may repeat it. It must not raise.

        Raises:
            TooManyTries: too many attempts wait already.
        """
        share = share_of(address)
        tries = self._tries.setdefault(share, _Tries())
        if self._waiting >= self.waiting_limit:
            self._make_room(tries)
        if not tries.waiting:
            self._call_at_next_turn(tries)
        tries.waiting[client] = on_turn
        self._queues.add(tries)
        self._waiting += 1

    def forget(self, client: object, address: str) -> None:
        """Forget *client* at *address*, which is gone. Idempotent."""
        self._turns.pop(client, None)
        tries = self._tries.get(share_of(address))
        if tries is not None and client in tries.waiting:
            self._take(tries, client)

    def close(self) -> None:
        """Refuse all attempts that wait, because the server stops."""
        self._is_closed = True
        for tries in list(self._queues):
            while tries.waiting:
                self._end_wait(tries, next(iter(tries.waiting)), is_turn=False)

    # Turns

    def _check_turn(self, client: object, share: str, now: float) -> None:
        turn = self._turns.pop(client, None)
        if turn is False:
            raise TooManyTries
        tries = self._tries.get(share)
        if turn is None and tries is not None and (tries.waiting or tries.is_over_limit(now)):
            if self._is_closed:
                raise TooManyTries
            raise MustWait

    def _call_at_next_turn(self, tries: _Tries) -> None:
        now = self._clock()
        last = tries.times[-1] if tries.times else now
        tries.next_turn_at = max(tries.next_turn_at, last + TURN_SECONDS)
        self.call_later(max(tries.next_turn_at - now, 0.0), lambda: self._give_turn(tries))

    def _give_turn(self, tries: _Tries) -> None:
        now = self._clock()
        if not tries.waiting or now < tries.next_turn_at - EARLY_SECONDS:  # the timer of one that has gone
            return
        tries.next_turn_at = now + TURN_SECONDS
        client = next(iter(tries.waiting))
        if len(tries.waiting) > 1:
            self.call_later(TURN_SECONDS, lambda: self._give_turn(tries))
        self._end_wait(tries, client, is_turn=True)

    def _end_wait(self, tries: _Tries, client: object, *, is_turn: bool) -> None:
        on_turn = self._take(tries, client)
        self._turns[client] = is_turn
        on_turn()

    def _take(self, tries: _Tries, client: object) -> Callable[[], None]:
        on_turn = tries.waiting.pop(client)
        self._waiting -= 1
        if not tries.waiting:
            self._queues.discard(tries)
        return on_turn

    def _make_room(self, tries: _Tries) -> None:
        """Refuse the last attempt of the address with most of them; that may be the one of *tries*."""
        longest = max(self._queues, key=lambda each: len(each.waiting), default=tries)
        if len(longest.waiting) <= len(tries.waiting) + 1:
            raise TooManyTries
        self._end_wait(longest, next(reversed(longest.waiting)), is_turn=False)

    # What is remembered

    def _remember(self, client: object, share: str, secret: str) -> None:
        known = self._known.setdefault(client, set())
        if len(known) < SECRETS:
            known.add((share, secret))

    def _count(self, share: str, now: float) -> None:
        """Count a wrong attempt; if too many addresses are remembered, forget the oldest one."""
        tries = self._tries.pop(share, None) or _Tries()
        tries.times.append(now)
        if len(self._tries) >= ADDRESSES:
            oldest = next((each for each in self._tries if not self._tries[each].waiting), None)
            if oldest is not None:
                del self._tries[oldest]
        self._tries[share] = tries

    def _forget_old(self, now: float) -> None:
        """Forget addresses whose attempts are older than the limit."""
        while self._tries:
            first = next(iter(self._tries))
            tries = self._tries[first]
            if tries.waiting or (tries.times and now - tries.times[-1] < TRIES_SECONDS):
                break
            del self._tries[first]


@lru_cache(maxsize=4_096)
def share_of(address: str) -> str:
    """Return what stands for *address* in the limits: for IPv6, its network of /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def matches(given: str | None, secret: str) -> bool:
    """Return whether *given* is *secret*; takes the same time for all wrong values of one length."""
    return given is not None and hmac.compare_digest(_bytes(given), _bytes(secret))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # a command line may contain bytes that are not text
