"""ResponseQueue: responses in the order of their requests, even if one has to wait for a commit.

A client may have many requests in progress. A response that waits for its commit delays the responses
behind it, but not the pushes: those reach the client at once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.ports import Commit
    from chateau.protocols.transport import Outbox


class _Pending(NamedTuple):
    commit: Commit
    encode: Callable[[BaseException | None], bytes]


class ResponseQueue:
    """The responses to one client."""

    __slots__ = ("_awaited", "_outbox", "_queue")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._queue: deque[bytes | _Pending] | None = None  # None while no response has to wait
        self._awaited: Commit | None = None  # the last commit with a callback

    def put(self, response: bytes) -> None:
        """Send *response* after those before it."""
        if self._queue is None:
            self._outbox.send(response)
        else:
            self._queue.append(response)

    def put_late(self, commit: Commit, encode: Callable[[BaseException | None], bytes]) -> None:
        """When *commit* is done, send what *encode* returns for its failure, or for None if it succeeded."""
        if self._queue is None:
            self._queue = deque()
        self._queue.append(_Pending(commit, encode))
        if commit is not self._awaited or commit.done():  # a store may use one commit for many messages
            self._awaited = commit
            commit.add_done_callback(self._flush)

    def _flush(self, _commit: Commit) -> None:
        queue = self._queue
        while queue:
            response = queue[0]
            if isinstance(response, _Pending):
                if not response.commit.done():
                    return
                response = response.encode(response.commit.exception())
            queue.popleft()
            self._outbox.send(response)
        self._queue = self._awaited = None
