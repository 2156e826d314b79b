"""HeldRequests: the requests of one client while its attempt at a secret waits for its turn.

Requests are performed in their order, so those behind the attempt wait too. They are bounded: a client that
sends more gets the error for the attempt at once, and the next request is performed. A request that takes
more than one turn is performed in steps, one per iteration of the event loop.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from chateau.hub.errors import TooManyTries

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.guesses import Guesses
    from chateau.hub.session import Session
    from chateau.protocols.transport import Steps

HELD: Final = 32
"""Maximum number of requests of one client that are held."""

HELD_CHARACTERS: Final = 16_384
"""Maximum length of all of them together."""


_END: Final = object()


class Excess:
    """A *message* that is above the client's rate: it gets its error when it is its turn."""

    __slots__ = ("message",)

    def __init__(self, message: str | bytes) -> None:
        self.message = message

    def __len__(self) -> int:
        return len(self.message)


Request = str | bytes | Excess
"""Text, binary, or either above the rate. Its length is what it counts."""


class HeldRequests:
    """The requests of one client, the first of which is an attempt that waits.

    *perform* performs a request, and returns what is left to do, or None; if it raises MustWait, it calls
    :meth:`wait` again. *refuse* sends the error response to an attempt that is given up. *done* is called
    when nothing is held any more.
    """

    __slots__ = (
        "_done",
        "_guesses",
        "_is_waiting",
        "_perform",
        "_queue",
        "_refuse",
        "_session",
        "_size",
        "_steps",
    )

    def __init__(
        self,
        guesses: Guesses,
        session: Session,
        *,
        perform: Callable[[Request], Steps | None],
        refuse: Callable[[Request, TooManyTries], object],
        done: Callable[[], object],
    ) -> None:
        self._guesses = guesses
        self._session = session
        self._perform = perform
        self._refuse = refuse
        self._done = done
        self._queue: deque[Request] = deque()
        self._size = 0
        self._is_waiting = False
        self._steps: Steps | None = None  # the rest of the request that is being performed

    def wait(self, request: Request) -> None:
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

    def add(self, request: Request) -> None:
        """Hold *request* behind the others."""
        self._queue.append(request)
        self._size += len(request)
        if len(self._queue) <= HELD and self._size <= HELD_CHARACTERS:
            return
        if self._steps is not None:
            for _ in self._steps:
                pass
            self._steps = None
        else:
            self._guesses.forget(self._session, self._session.address)
            self._refuse(self._take(), TooManyTries())
        self._continue()

    def close(self) -> None:
        """Drop what is held, because the client is gone."""
        self._guesses.forget(self._session, self._session.address)
        self._queue.clear()
        self._steps = None

    def _continue(self) -> None:
        """Perform the requests up to the next attempt that has to wait, or the next one that takes steps."""
        self._is_waiting = False
        while self._queue and not self._is_waiting:
            steps = self._perform(self._take())
            if steps is not None:
                self._take_later(steps)
                return
        if not self._is_waiting:
            self._done()

    def _take_later(self, steps: Steps) -> None:
        self._steps = steps
        self._guesses.call_later(0.0, partial(self._take_step, steps))

    def _take_step(self, steps: Steps) -> None:
        if steps is not self._steps:  # they have come to their end, or the client is gone
            return
        if next(steps, _END) is _END:
            self._steps = None
            self._continue()
        elif steps is self._steps:
            self._take_later(steps)

    def _take(self) -> Request:
        request = self._queue.popleft()
        self._size -= len(request)
        return request
