"""The stores that the tests of this folder run against, each with a clock and a loop to own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chateau.hub.events import StoredRecord
from chateau.hub.ports import Commit, Store
from chateau.store.memory import MemoryStore
from chateau.store.sqlite import SqliteStore
from chateau.times import rfc3339

KINDS = ["memory", "sqlite", "sqlite, settled"]
"""The last one is on disk after every append; before that, it is read from what is pending."""

START = datetime(2026, 11, 20, tzinfo=UTC).timestamp()


def time_of(second: float) -> str:
    return rfc3339(datetime.fromtimestamp(START + second, UTC))


class SettlingStore(SqliteStore):
    """Waits for the disk after everything."""

    def append(self, key: str, record: StoredRecord) -> Commit:  # type: ignore[override]
        commit = super().append(key, record)
        self._loop.run_until_complete(self.settle())
        return commit

    def erase(self, key: str) -> Commit | None:  # type: ignore[override]
        commit = super().erase(key)
        self._loop.run_until_complete(self.settle())
        return commit


class TestLoop(asyncio.SelectorEventLoop):
    """A loop whose time is the house's."""

    __test__ = False
    harness: StoreHouse

    def time(self) -> float:
        return self.harness.now


class StoreHouse:
    """A store, and what it stands on. *now* is in seconds after ``time_of(0)``."""

    def __init__(self, kind: str, folder: Path, options: dict[str, Any]) -> None:
        self.now = 0.0
        self.kind = kind
        self.folder = folder
        self.options = options
        self.loop = TestLoop()
        self.loop.harness = self
        self.store = self._make()

    def settle(self) -> None:
        if isinstance(self.store, SqliteStore):
            self.loop.run_until_complete(self.store.settle())

    def reopen(self) -> None:
        """Close the store and open it again; one in memory goes on as it is."""
        if isinstance(self.store, SqliteStore):
            self.store.close()
            self.store = self._make()

    def close(self) -> None:
        if isinstance(self.store, SqliteStore):
            self.settle()
            self.store.close()
        self.loop.close()

    @property
    def sqlite(self) -> SqliteStore:
        assert isinstance(self.store, SqliteStore)
        return self.store

    def _make(self) -> Store:
        if self.kind == "memory":
            return MemoryStore(**self.options, clock=self._clock)
        kind = SettlingStore if self.kind == "sqlite, settled" else SqliteStore
        return kind(self.folder, loop=self.loop, **self.options, clock=self._clock)

    def _clock(self) -> float:
        return START + self.now


@contextmanager
def open_house(
    kind: str, folder: Path, *, max_age: float | None = None, **options: Any
) -> Iterator[StoreHouse]:
    harness = StoreHouse(kind, folder, {**options, "max_age_seconds": max_age})
    try:
        yield harness
    finally:
        harness.close()
