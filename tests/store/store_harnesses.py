"""The stores that the tests of this folder run against, each with its own clock and event loop."""

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

KINDS = ["memory", "sqlite", "sqlite, settled", "sqlite, inline"]
"""The last two are on disk after every append; before that, records are read from memory."""

START = datetime(2026, 11, 20, tzinfo=UTC).timestamp()


def time_of(second: float) -> str:
    return rfc3339(datetime.fromtimestamp(START + second, UTC))


class SettledStore(SqliteStore):
    """Waits for the writer's thread after every write."""

    def append(self, key: str, record: StoredRecord) -> Commit:  # type: ignore[override]
        commit = super().append(key, record)
        self._loop.run_until_complete(self.settle())
        return commit

    def erase(self, key: str) -> Commit | None:  # type: ignore[override]
        commit = super().erase(key)
        self._loop.run_until_complete(self.settle())
        return commit


class InlineStore(SqliteStore):
    """Flushes after every write; with the inline writer, no event loop runs."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, writer="inline")

    def append(self, key: str, record: StoredRecord) -> Commit:  # type: ignore[override]
        commit = super().append(key, record)
        self.flush()
        assert commit.done()
        return commit

    def erase(self, key: str) -> Commit | None:  # type: ignore[override]
        commit = super().erase(key)
        self.flush()
        assert commit is None or commit.done()
        return commit


STORES = {"sqlite": SqliteStore, "sqlite, settled": SettledStore, "sqlite, inline": InlineStore}


class ManualLoop(asyncio.SelectorEventLoop):
    """An event loop with the time of a harness."""

    harness: StoreHarness

    def time(self) -> float:
        return self.harness.now


class StoreHarness:
    """A store of one of ``KINDS``. *now* is in seconds after ``time_of(0)``."""

    def __init__(self, kind: str, folder: Path, options: dict[str, Any]) -> None:
        self.now = 0.0
        self.kind = kind
        self.folder = folder
        self.options = options
        self.loop = ManualLoop()
        self.loop.harness = self
        self.store = self.make_store()

    def settle(self) -> None:
        self.loop.run_until_complete(self.store.settle())

    def reopen(self) -> None:
        """Close the store and open it again; a store in memory stays open."""
        if self.kind != "memory":
            self.store.close()
            self.store = self.make_store()

    def close(self) -> None:
        self.settle()
        self.store.close()
        self.loop.close()

    @property
    def sqlite(self) -> SqliteStore:
        assert isinstance(self.store, SqliteStore)
        return self.store

    def make_store(self) -> Store:
        if self.kind == "memory":
            return MemoryStore(**self.options, clock=self._clock)
        return STORES[self.kind](self.folder, loop=self.loop, **self.options, clock=self._clock)

    def _clock(self) -> float:
        return START + self.now


@contextmanager
def open_store(
    kind: str, folder: Path, *, max_age: float | None = None, **options: Any
) -> Iterator[StoreHarness]:
    harness = StoreHarness(kind, folder, {**options, "max_age_seconds": max_age})
    try:
        yield harness
    finally:
        harness.close()
