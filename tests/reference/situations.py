"""The situation that causes an error, found by words in the text of the error.

A situation is a function that prepares a server where ``alice`` is about to send the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from harness import FakeCommit

from chateau.hub.errors import Unavailable
from chateau.hub.events import JoinRecord
from chateau.hub.hub import Hub
from chateau.protocols.error_catalog import ANY, ErrorCase, ErrorCatalog
from chateau.store.memory import MemoryStore

RATE = 200
TRIES = 5


class WorkingStore(MemoryStore):
    """Stores everything, unless a test sets *fails_to*; then the test also finishes the commits."""

    def __init__(self) -> None:
        super().__init__(channel_history=100)
        self.fails_to: str = ""
        self.commits: list[FakeCommit] = []

    def append(self, key: str, record: Any) -> Any:
        if isinstance(record, JoinRecord):
            return super().append(key, record)
        if self.fails_to == "store":
            raise Unavailable("Messages cannot be stored right now; try again later.")
        super().append(key, record)
        if self.fails_to == "commit":
            self.commits.append(FakeCommit())
            return self.commits[-1]
        return None

    def read(self, *arguments: Any, **options: Any) -> Any:
        if self.fails_to == "read":
            raise Unavailable("The history cannot be read right now; try again later.")
        return super().read(*arguments, **options)

    def erase(self, key: str) -> Any:
        if self.fails_to == "store":
            raise Unavailable("Messages cannot be stored right now; try again later.")
        return super().erase(key)

    def fail_commits(self) -> None:
        for commit in self.commits:
            commit.finish(OSError("the disk failed"))


def listed(requests: ErrorCatalog, *more: ErrorCatalog) -> list[tuple[str, int]]:
    """Return every case: its request, and its index there."""
    return [
        (name, number)
        for table in (requests, *more)
        for name, cases in table.items()
        for number in range(len(cases))
    ]


def error_text(case: ErrorCase, request: Any, schemas: Any) -> str:
    """Return the text of the error in *case*."""
    return str(case.make_error(request, schemas))


def situation(situations: Mapping[str, Callable[..., None]], name: str, sentence: str) -> Callable[..., None]:
    """Return the first situation for *name* whose words are in *sentence*."""
    for words, prepare in situations.items():
        request, _, pattern = words.rpartition(" | ")
        if (not request or request == (name or "any")) and re.search(pattern, sentence):
            return prepare
    raise AssertionError(f"no situation for {name or ANY!r}: {sentence}")


def nothing(_: Any) -> None:
    """Prepare nothing: the error occurs on any server."""


def too_many_guesses(hub: Hub, address: str) -> None:
    """Let so many wrong passwords come from *address* that further ones wait, and let none wait."""
    hub.access.guesses.waiting_limit = 0
    for _ in range(TRIES):
        hub.access.guesses.is_right("a guess", None, client=hub, address=address)
