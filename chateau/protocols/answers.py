"""Answers in the order of their requests, also where one of them waits for a commit.

A client may have many requests under way; the first one that has to wait holds back the answers behind
it, and nothing else: what others say goes on reaching the client.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.ports import Commit
    from chateau.protocols.transport import Outbox


class _Late(NamedTuple):
    commit: Commit
    encode: Callable[[BaseException | None], bytes]


class Answers:
    """The answers that are due to one client."""

    __slots__ = ("_awaited", "_due", "_outbox")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._due: deque[bytes | _Late] | None = None  # made when the first one has to wait
        self._awaited: Commit | None = None  # the last one that will call back

    def put(self, answer: bytes) -> None:
        """Send *answer* when its turn has come."""
        if self._due is None:
            self._outbox.send(answer)
        else:
            self._due.append(answer)

    def put_late(self, commit: Commit, encode: Callable[[BaseException | None], bytes]) -> None:
        """Send the answer that *encode* makes of *commit*'s failure, or None, when it is done."""
        if self._due is None:
            self._due = deque()
        self._due.append(_Late(commit, encode))
        if commit is not self._awaited or commit.done():  # a store may have one commit for many messages
            self._awaited = commit
            commit.add_done_callback(self._go_on)

    def _go_on(self, _commit: Commit) -> None:
        due = self._due
        while due:
            answer = due[0]
            if isinstance(answer, _Late):
                if not answer.commit.done():
                    return
                answer = answer.encode(answer.commit.exception())
            due.popleft()
            self._outbox.send(answer)
        self._due = self._awaited = None
