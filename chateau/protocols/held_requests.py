"""HeldRequests: the requests of one client while its attempt at a secret waits for its turn.

Requests are performed in their order, so those behind the attempt wait too. They are bounded: a client that
sends more gets the error for the attempt at once, and the next request is performed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from chateau.hub.errors import TooManyTries

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.guesses import Guesses
    from chateau.hub.session import Session

HELD: Final = 32
"""Maximum number of requests of one client that are held."""

HELD_CHARACTERS: Final = 16_384
"""Maximum length of all of them together."""


class Sized(Protocol):
    """A request; its length is what it counts."""

    def __len__(self) -> int: ...


RequestT = TypeVar("RequestT", bound=Sized)


class HeldRequests(Generic[RequestT]):
    """The requests of one client, the first of which is an attempt that waits.

    *perform* performs a request; if it raises MustWait, it calls :meth:`wait` again. *refuse* sends the error
    response to an attempt that is given up. *done* is called when nothing is held any more.
    """

    __slots__ = ("_done", "_guesses", "_is_waiting", "_perform", "_queue", "_refuse", "_session", "_size")

    def __init__(
        self,
        guesses: Guesses,
        session: Session,
        *,
        perform: Callable[[RequestT], object],
        refuse: Callable[[RequestT, TooManyTries], object],
        done: Callable[[], object],
    ) -> None:
        self._guesses = guesses
        self._session = session
        self._perform = perform
        self._refuse = refuse
        self._done = done
        self._queue: deque[RequestT] = deque()
        self._size = 0
        self._is_waiting = False

    def wait(self, request: RequestT) -> None:
        """Hold *request*, an attempt, until its turn.

        Raises:
            TooManyTries: too many attempts wait, or it is too long to be held.
        """
        if len(request) > HELD_CHARACTERS:
            raise TooManyTries
        self._guesses.wait(self._session, self._session.address, self._continue)
        self._queue.appendleft(request)
        self._size += len(request)
        self._is_waiting = True

    def add(self, request: RequestT) -> None:
        """Hold *request* behind the others."""
        self._queue.append(request)
        self._size += len(request)
        if len(self._queue) > HELD or self._size > HELD_CHARACTERS:
            self._guesses.forget(self._session, self._session.address)
            self._refuse(self._take(), TooManyTries())
            self._continue()

    def close(self) -> None:
        """Drop what is held, because the client is gone."""
        self._guesses.forget(self._session, self._session.address)
        self._queue.clear()

    def _continue(self) -> None:
        """Perform the requests up to the next attempt that has to wait."""
        self._is_waiting = False
        while self._queue and not self._is_waiting:
            self._perform(self._take())
        if not self._is_waiting:
            self._done()

    def _take(self) -> RequestT:
        request = self._queue.popleft()
        self._size -= len(request)
        return request
