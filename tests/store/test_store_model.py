"""The SQLite store returns the same as the store in memory, for random sequences of calls."""

from __future__ import annotations

import tempfile
from pathlib import Path

from generated import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from store_harnesses import StoreHarness, time_of

from chateau.hub.events import JoinRecord, Publication, RoomMessage, StoredRecord

OPTIONS = {"history": 12, "channel_history": 5, "max_age_seconds": 5000.0}
ROOMS = st.sampled_from(["Attic", "attic", "Cellar"])
SEQS = st.none() | st.integers(-1, 200)
TIMES = st.none() | st.integers(-1, 8000)


class StoresAgree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model = StoreHarness("memory", Path(self.folder.name), OPTIONS)
        self.harness = StoreHarness("sqlite", Path(self.folder.name), OPTIONS)

    def teardown(self) -> None:
        self.harness.close()
        self.model.close()
        self.folder.cleanup()

    @rule(room=ROOMS, kinds=st.lists(st.sampled_from("mpa"), min_size=1, max_size=40))
    def append(self, room: str, kinds: list[str]) -> None:
        for kind in kinds:
            record = self.record(kind, room)
            self.model.store.append(room.lower(), record)
            self.harness.store.append(room.lower(), record)

    def record(self, kind: str, room: str) -> StoredRecord:
        seq = self.harness.store.next_seq(room.lower())
        assert self.model.store.next_seq(room.lower()) == seq
        now = time_of(self.harness.now)
        if kind == "m":
            return RoomMessage("alice", room, f"{seq}", seq, f"id-{seq}", now)
        if kind == "p":
            return Publication(room, "bytes", b"%d\xff" % seq, seq, f"id-{seq}", now)
        return JoinRecord("alice", room, seq, now)

    @rule(seconds=st.sampled_from([1, 1, 1, 700, 4000, 6000]))
    def advance(self, seconds: int) -> None:
        self.model.now += seconds
        self.harness.now += seconds

    @rule()
    def settle(self) -> None:
        self.harness.settle()

    @rule()
    def finish_the_write_before_the_loop_knows(self) -> None:
        """The committed records are then in the database and also pending."""
        self.harness.sqlite.flush()
        in_flight = self.harness.sqlite._in_flight
        if in_flight is not None:
            result = self.harness.sqlite._writer.results.get()
            self.harness.sqlite._writer.results.put(result)

    @rule()
    def reopen(self) -> None:
        self.harness.reopen()

    @rule(room=ROOMS)
    def erase(self, room: str) -> None:
        self.model.store.erase(room.lower())
        self.harness.store.erase(room.lower())

    @rule(room=ROOMS, since=SEQS, start=TIMES, end=TIMES, limit=st.integers(1, 30), joins=st.booleans())
    def read(
        self, room: str, since: int | None, start: int | None, end: int | None, limit: int, joins: bool
    ) -> None:
        self.compare(room.lower(), since=since, start=start, end=end, limit=limit, joins=joins)

    def compare(
        self, key: str, *, since: int | None, start: int | None, end: int | None, limit: int, joins: bool
    ) -> None:
        first = None if start is None else time_of(start)
        last = None if end is None else time_of(end)
        expected, found = (
            harness.store.read(key, since=since, start=first, end=last, limit=limit, joins=joins)
            for harness in (self.model, self.harness)
        )
        assert found == expected

    @invariant()
    def both_stores_hold_the_same_rooms(self) -> None:
        assert sorted(self.harness.store.rooms()) == sorted(self.model.store.rooms())
        for key in ("attic", "cellar"):
            assert self.harness.store.holds(key) == self.model.store.holds(key)

    @invariant()
    def both_stores_return_the_same_pages(self) -> None:
        for key in ("attic", "cellar"):
            self.compare(key, since=None, start=None, end=None, limit=100, joins=True)


StoresAgree.TestCase.settings = settings(max_examples=examples(100), stateful_step_count=30, deadline=None)
TestStoresAgree = StoresAgree.TestCase
