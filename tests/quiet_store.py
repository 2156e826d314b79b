"""A store without joins, for tests whose seqs count messages only."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chateau.hub.events import JoinRecord
from chateau.store.memory import MemoryStore

if TYPE_CHECKING:
    from chateau.hub.events import StoredRecord


class QuietStore(MemoryStore):
    """Stores messages in memory; a join is dropped, and its seq is used again."""

    def __init__(self, *, history: int = 10_000) -> None:
        super().__init__(history=history)
        self._last_seqs: Counter[str] = Counter()

    def next_seq(self, key: str) -> int:
        self._last_seqs[key] += 1
        return self._last_seqs[key]

    def append(self, key: str, record: StoredRecord) -> None:
        if isinstance(record, JoinRecord):
            self._last_seqs[key] -= 1
        else:
            super().append(key, record)
