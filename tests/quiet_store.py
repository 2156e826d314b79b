"""A store that takes no notice of who comes into a room: tests count what is said, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chateau.hub.events import JoinRecord
from chateau.store.memory import MemoryStore

if TYPE_CHECKING:
    from chateau.hub.events import StoredRecord


class QuietStore(MemoryStore):
    """Keeps messages in memory; an arrival gives its number back."""

    def __init__(self, *, history: int = 10_000) -> None:
        super().__init__(history=history)
        self._numbers: Counter[str] = Counter()

    def next_seq(self, key: str) -> int:
        self._numbers[key] += 1
        return self._numbers[key]

    def append(self, key: str, record: StoredRecord) -> None:
        if isinstance(record, JoinRecord):
            self._numbers[key] -= 1
        else:
            super().append(key, record)
