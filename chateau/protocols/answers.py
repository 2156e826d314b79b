"""Answers in the order of their requests, also where one of them waits for a commit.

A client may have many requests under way; the first one that has to wait holds back the answers behind
it, and nothing else: what others say goes on reaching the client.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.ports import Commit
    from chateau.protocols.wire import Outbox


class Late:
    """An answer that waits for *commit*; *encode* makes it, given what went wrong or None."""

    __slots__ = ("commit", "encode")

    def __init__(self, commit: Commit, encode: Callable[[BaseException | None], bytes]) -> None:
        self.commit = commit
        self.encode = encode


class Answers:
    """The answers that are due to one client."""

    __slots__ = ("_due", "_outbox")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._due: deque[bytes | Late] | None = None  # made when the first one has to wait

    def put(self, answer: bytes | Late) -> None:
        """Send *answer* when its turn has come."""
        if self._due is None:
            if answer.__class__ is bytes:
                self._outbox.send(answer)
                return
            self._due = deque()
        self._due.append(answer)
        if isinstance(answer, Late):
            answer.commit.add_done_callback(self._go_on)

    def _go_on(self, _commit: Commit) -> None:
        due = self._due
        while due:
            answer = due[0]
            if isinstance(answer, Late):
                if not answer.commit.done():
                    return
                answer = answer.encode(answer.commit.exception())
            due.popleft()
            self._outbox.send(answer)
        self._due = None
