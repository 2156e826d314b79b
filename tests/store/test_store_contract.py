"""What every store guarantees; see :class:`chateau.hub.ports.Store`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_harnesses import KINDS, StoreHarness, open_store, time_of

from chateau.hub.events import JoinRecord, Publication, RoomMessage, StoredRecord
from chateau.hub.ports import Page, Store

LIMIT = 10
"""Maximum number of records per stream of a room in these tests."""


@pytest.fixture(params=KINDS)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreHarness]:
    with open_store(request.param, tmp_path, history=LIMIT, channel_history=LIMIT) as harness:
        yield harness


@pytest.fixture
def store(harness: StoreHarness) -> Store:
    return harness.store


def append_messages(store: Store, *contents: str, room: str = "Attic") -> list[RoomMessage]:
    """Append messages with *contents*, one per second by their times."""
    messages = []
    for content in contents:
        seq = store.next_seq(room.lower())
        message = RoomMessage("alice", room, content, seq, f"id-{seq}", time_of(seq))
        store.append(room.lower(), message)
        messages.append(message)
    return messages


def read(
    store: Store,
    *,
    since: int | None = None,
    start: int | None = None,
    end: int | None = None,
    limit: int = 100,
    joins: bool = False,
) -> Page:
    first = None if start is None else time_of(start)
    last = None if end is None else time_of(end)
    return store.read("attic", since=since, start=first, end=last, limit=limit, joins=joins)


def test_seqs_begin_at_1_and_rise_per_room(store: Store) -> None:
    assert [store.next_seq("attic") for _ in range(3)] == [1, 2, 3]
    assert store.next_seq("cellar") == 1


def test_message_can_be_read_at_once(store: Store) -> None:
    stored = append_messages(store, "hello")

    assert read(store) == Page(stored, complete=True)


def test_unknown_room_has_an_empty_complete_page(store: Store) -> None:
    append_messages(store, "hello", room="Cellar")

    assert read(store) == Page([], complete=True)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param({}, "abcdef", id="no bounds"),
        pytest.param({"since": 0}, "abcdef", id="since before the first"),
        pytest.param({"since": 2}, "cdef", id="since the second, which is not included"),
        pytest.param({"since": 6}, "", id="since the last"),
        pytest.param({"start": 3}, "cdef", id="from a time, included"),
        pytest.param({"end": 3}, "abc", id="to a time, included"),
        pytest.param({"start": 2, "end": 4}, "bcd", id="between two times"),
        pytest.param({"start": 4, "end": 2}, "", id="between two times in the wrong order"),
        pytest.param({"since": 3, "start": 2, "end": 5}, "de", id="all bounds at once"),
    ],
)
def test_bounds_select_records(store: Store, bounds: dict[str, int], expected: str) -> None:
    append_messages(store, *"abcdef")

    page = read(store, **bounds)

    assert "".join(message.content for message in page.messages) == expected
    assert page.complete


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param({}, "ef", id="without a lower bound, the last ones"),
        pytest.param({"end": 4}, "cd", id="to a time, the last ones before it"),
        pytest.param({"since": 1}, "bc", id="since a seq, the first ones after it"),
        pytest.param({"start": 2}, "bc", id="from a time, the first ones after it"),
    ],
)
def test_page_cut_by_the_limit_is_incomplete(store: Store, bounds: dict[str, int], expected: str) -> None:
    append_messages(store, *"abcdef")

    page = read(store, **bounds, limit=2)

    assert "".join(message.content for message in page.messages) == expected
    assert not page.complete


def test_page_that_just_reaches_the_limit_is_complete(store: Store) -> None:
    stored = append_messages(store, *"abc")

    assert read(store, limit=3) == Page(stored, complete=True)


def test_time_bounds_include_all_messages_of_a_millisecond(store: Store) -> None:
    stored = []
    for id_ in ("id-1", "id-2", "id-3"):
        stored.append(RoomMessage("alice", "Attic", id_, store.next_seq("attic"), id_, time_of(7)))
        store.append("attic", stored[-1])

    assert read(store, start=7, end=7) == Page(stored, complete=True)
    assert read(store, start=8) == read(store, end=6) == Page([], complete=True)


def test_message_is_stored_unchanged(store: Store) -> None:
    content = 'say "hi"\n\x00 \u2028 \U0001f3f0'
    message = RoomMessage("Ålice", "Attic", content, store.next_seq("attic"), "id-1", time_of(1))

    store.append("attic", message)

    assert read(store) == Page([message], complete=True)


def test_unused_seq_leaves_a_gap(store: Store) -> None:
    store.next_seq("attic")
    stored = append_messages(store, "hello")

    assert [message.seq for message in stored] == [2]
    assert read(store, since=1) == Page(stored, complete=True)


def test_room_with_only_a_seq_is_not_held(store: Store) -> None:
    store.next_seq("attic")

    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_page_is_not_changed_by_later_appends(store: Store) -> None:
    stored = append_messages(store, "hello")
    page = read(store)

    append_messages(store, *map(str, range(LIMIT * 3)))

    assert page.messages == stored


@pytest.mark.parametrize("excess", [3, 25], ids=["some over the limit", "many times the limit"])
def test_last_records_of_a_long_history_are_stored(store: Store, excess: int) -> None:
    stored = append_messages(store, *map(str, range(LIMIT + excess)))

    assert read(store).messages == stored[-LIMIT:]


@pytest.mark.parametrize(
    ("bounds", "complete"),
    [
        pytest.param({}, False, id="no bounds"),
        pytest.param({"since": -1}, False, id="since a lost record with another lost one after it"),
        pytest.param({"since": 0}, True, id="since the last lost record"),
        pytest.param({"since": 4}, True, id="since a stored record"),
        pytest.param({"start": 0}, False, id="from the time of a lost record"),
        pytest.param({"start": 1}, True, id="from the time of the first stored record"),
        pytest.param({"end": -1}, False, id="to the time of a lost record"),
        pytest.param({"end": 5}, False, id="to the time of a stored record"),
        pytest.param({"start": 2, "end": 5}, True, id="between the times of two stored records"),
        pytest.param(
            {"since": -1, "start": 1}, True, id="since a lost record, from the time of a stored one"
        ),
        pytest.param({"since": 0, "start": -1}, True, id="since the last lost record, from a time before it"),
    ],
)
@pytest.mark.parametrize("lost", [3, LIMIT // 2 + 1, LIMIT * 3])
def test_page_is_incomplete_if_a_matching_record_is_lost(
    store: Store, lost: int, bounds: dict[str, int], complete: bool
) -> None:
    """The bounds are relative to the last lost message, which has seq *lost*."""
    append_messages(store, *map(str, range(lost + LIMIT)))

    page = read(store, **{name: lost + offset for name, offset in bounds.items()})

    assert page.complete is complete


def test_seqs_continue_after_messages_are_lost(store: Store) -> None:
    append_messages(store, *map(str, range(LIMIT * 3)))

    assert store.next_seq("attic") == LIMIT * 3 + 1


def test_rooms_returns_the_first_spelling(store: Store) -> None:
    append_messages(store, "hello", room="Attic")
    append_messages(store, "hello", room="Cellar")

    assert sorted(store.rooms()) == [("attic", "Attic"), ("cellar", "Cellar")]
    assert store.holds("attic")
    assert not store.holds("Attic")


def test_page_that_ends_before_the_first_record_is_complete(store: Store) -> None:
    append_messages(store, *map(str, range(LIMIT + 3)))

    page = store.read("attic", since=None, start=None, end="2001-01-01T00:00:00.000Z", limit=100)

    assert page == Page([], complete=True)


# Joins and publications


def append_publications(store: Store, *payloads: bytes, room: str = "Attic") -> list[Publication]:
    publications = []
    for payload in payloads:
        seq = store.next_seq(room.lower())
        publications.append(Publication(room, "bytes", payload, seq, f"id-{seq}", time_of(seq)))
        store.append(room.lower(), publications[-1])
    return publications


def append_joins(store: Store, *usernames: str, room: str = "Attic") -> list[JoinRecord]:
    joins = []
    for username in usernames:
        seq = store.next_seq(room.lower())
        joins.append(JoinRecord(username, room, seq, time_of(seq)))
        store.append(room.lower(), joins[-1])
    return joins


def append_mixed(store: Store, rounds: int = 1) -> list[StoredRecord]:
    """Append a message, a join and a publication, *rounds* times."""
    records: list[StoredRecord] = []
    for number in range(rounds):
        records += append_messages(store, f"{number}")
        records += append_joins(store, f"user{number}")
        records += append_publications(store, b"%d" % number)
    return records


def test_messages_and_publications_are_ordered_by_seq(store: Store) -> None:
    stored = append_mixed(store, 3)

    assert read(store) == Page(
        [record for record in stored if not isinstance(record, JoinRecord)], complete=True
    )


def test_joins_are_read_on_request(store: Store) -> None:
    stored = append_mixed(store, 3)

    assert read(store, joins=True) == Page(stored, complete=True)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param({"limit": 4}, slice(5, 9), id="the last ones"),
        pytest.param({"end": 6, "limit": 4}, slice(2, 6), id="the last ones before a time"),
        pytest.param({"since": 1, "limit": 4}, slice(1, 5), id="the first ones after a seq"),
        pytest.param({"start": 2, "limit": 4}, slice(1, 5), id="the first ones from a time"),
    ],
)
def test_limit_applies_to_all_streams_together(store: Store, bounds: dict[str, int], expected: slice) -> None:
    stored = append_mixed(store, 3)

    assert read(store, **bounds, joins=True) == Page(stored[expected], complete=False)


@pytest.mark.parametrize("kind", ["text", "json", "bytes"])
@pytest.mark.parametrize("payload", [b"", b"{}", b"\x00\xff\xfe", "Zoë\x00".encode(), bytes(range(256))])
def test_publication_is_stored_unchanged(store: Store, kind: str, payload: bytes) -> None:
    publication = Publication("Attic", kind, payload, store.next_seq("attic"), "id-1", time_of(1))  # type: ignore[arg-type]

    store.append("attic", publication)

    assert read(store) == Page([publication], complete=True)


def test_each_stream_has_its_own_limit(store: Store) -> None:
    stored = append_messages(store, "hello")
    joined = append_joins(store, "alice")
    published = append_publications(store, *[b"x"] * (LIMIT * 3))

    assert read(store, joins=True, limit=100) == Page([*stored, *joined, *published[-LIMIT:]], complete=False)


def test_lost_joins_do_not_make_a_page_without_joins_incomplete(store: Store) -> None:
    stored = append_messages(store, "hello")
    append_joins(store, *["bob"] * (LIMIT * 3))

    assert read(store) == Page(stored, complete=True)
    assert not read(store, joins=True).complete


def test_room_with_only_joins_is_not_held(store: Store) -> None:
    append_joins(store, "alice")

    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_room_with_a_publication_is_held(store: Store) -> None:
    append_publications(store, b"news")

    assert store.holds("attic")
    assert list(store.rooms()) == [("attic", "Attic")]


def test_room_that_is_not_held_takes_the_next_spelling(store: Store) -> None:
    append_joins(store, "alice", room="Attic")
    append_messages(store, "hello", room="ATTIC")
    append_messages(store, "hello", room="attic")

    assert list(store.rooms()) == [("attic", "ATTIC")]


def test_record_longer_than_a_chunk_is_stored(store: Store) -> None:
    stored = append_messages(store, "a" * 300_000, "b", "c" * 300_000)

    assert read(store).messages == stored
    assert read(store, since=1, limit=1).messages == stored[1:2]


# Erase


def test_erased_records_cannot_be_read(store: Store) -> None:
    append_mixed(store, 3)

    store.erase("attic")

    assert read(store, joins=True) == Page([], complete=False)
    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_records_after_an_erasure_are_stored(store: Store) -> None:
    append_mixed(store, 3)
    store.erase("attic")

    stored = append_mixed(store, 3)

    assert [record.seq for record in stored] == list(range(10, 19))
    assert read(store, since=9, joins=True) == Page(stored, complete=True)
    assert not read(store, since=8, joins=True).complete
    assert not read(store, since=7).complete
    assert store.holds("attic")


def test_erase_does_not_affect_other_rooms(store: Store) -> None:
    stored = append_messages(store, "hello")
    append_messages(store, "hello", room="Cellar")

    store.erase("cellar")

    assert read(store) == Page(stored, complete=True)
    assert list(store.rooms()) == [("attic", "Attic")]


def test_page_that_ends_before_the_erased_records_is_complete(store: Store) -> None:
    store.next_seq("attic")
    append_messages(store, "hello")

    store.erase("attic")

    assert read(store, end=1) == Page([], complete=True)
    assert not read(store, end=2).complete


def test_erase_without_records_returns_none(store: Store) -> None:
    assert store.erase("attic") is None
    store.next_seq("attic")
    assert store.erase("attic") is None
    append_messages(store, "hello")
    store.erase("attic")
    assert store.erase("attic") is None


def test_long_history_can_be_erased_repeatedly(store: Store) -> None:
    for _ in range(3):
        stored = append_messages(store, *map(str, range(LIMIT * 4)))
        assert read(store).messages == stored[-LIMIT:]
        store.erase("attic")

    assert read(store) == Page([], complete=False)


# Age


@pytest.fixture(params=KINDS)
def aging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreHarness]:
    with open_store(request.param, tmp_path, history=LIMIT, channel_history=LIMIT, max_age=5) as harness:
        yield harness


def test_old_records_are_not_read(aging: StoreHarness) -> None:
    stored = append_mixed(aging.store, 3)
    aging.now = 10.0

    page = read(aging.store, joins=True)

    assert page == Page(stored[4:], complete=False)
    assert read(aging.store, since=4, joins=True).complete
    assert read(aging.store, start=5, joins=True).complete
    assert not read(aging.store, start=4, joins=True).complete


def test_room_with_only_old_records_is_not_held(aging: StoreHarness) -> None:
    append_messages(aging.store, "hello")
    append_joins(aging.store, "alice")
    aging.now = 6.0
    assert aging.store.holds("attic")

    aging.now = 6.001

    assert not aging.store.holds("attic")
    assert list(aging.store.rooms()) == []
    assert read(aging.store) == Page([], complete=False)


def test_append_to_a_room_of_old_records_sets_its_spelling(aging: StoreHarness) -> None:
    append_messages(aging.store, *"abc", room="Attic")
    aging.now = 1000.0
    seq = aging.store.next_seq("attic")
    message = RoomMessage("alice", "ATTIC", "hello", seq, "id", time_of(1000))

    aging.store.append("attic", message)

    assert read(aging.store) == Page([message], complete=False)
    assert list(aging.store.rooms()) == [("attic", "ATTIC")]


def test_old_records_are_deleted_every_hour(aging: StoreHarness) -> None:
    append_messages(aging.store, *"abc", room="Attic")
    aging.settle()
    aging.now = 3605.0
    append_messages(aging.store, *"abc", room="Cellar")
    aging.settle()

    aging.now = 0.0  # so that the records would be read if they were stored

    assert read(aging.store) == Page([], complete=False)


# Settle and close


def test_settle_makes_every_commit_done(harness: StoreHarness) -> None:
    seq = harness.store.next_seq("attic")
    commit = harness.store.append("attic", RoomMessage("a", "Attic", "hi", seq, "id-1", time_of(1)))

    harness.settle()

    assert commit is None or (commit.done() and commit.exception() is None)


def test_close_is_idempotent(harness: StoreHarness) -> None:
    append_messages(harness.store, "hello")

    harness.store.close()
    harness.store.close()
