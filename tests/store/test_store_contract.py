"""What every store guarantees; see :class:`chateau.hub.ports.Store`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_harnesses import KINDS, StoreHarness, open_store, time_of

from chateau.hub.events import JoinRecord, Publication, RoomMessage, StoredRecord
from chateau.hub.ports import Page, Store

LIMIT = 10
"""Records of each kind that the stores of these tests keep of a room."""


@pytest.fixture(params=KINDS)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreHarness]:
    with open_store(request.param, tmp_path, history=LIMIT, channel_history=LIMIT) as harness:
        yield harness


@pytest.fixture
def store(harness: StoreHarness) -> Store:
    return harness.store


def say(store: Store, *contents: str, room: str = "Attic") -> list[RoomMessage]:
    """Keep messages, one a second by their times."""
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
    said = say(store, "hello")

    assert read(store) == Page(said, complete=True)


def test_unknown_room_has_an_empty_complete_page(store: Store) -> None:
    say(store, "hello", room="Cellar")

    assert read(store) == Page([], complete=True)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param({}, "abcdef", id="all of it"),
        pytest.param({"since": 0}, "abcdef", id="since before the first"),
        pytest.param({"since": 2}, "cdef", id="since the second, which is not included"),
        pytest.param({"since": 6}, "", id="since the last"),
        pytest.param({"start": 3}, "cdef", id="from a time, included"),
        pytest.param({"end": 3}, "abc", id="to a time, included"),
        pytest.param({"start": 2, "end": 4}, "bcd", id="between two times"),
        pytest.param({"start": 4, "end": 2}, "", id="between two times the wrong way round"),
        pytest.param({"since": 3, "start": 2, "end": 5}, "de", id="all bounds at once"),
    ],
)
def test_bounds_select_records(store: Store, bounds: dict[str, int], expected: str) -> None:
    say(store, *"abcdef")

    page = read(store, **bounds)

    assert "".join(message.content for message in page.messages) == expected
    assert page.complete


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param({}, "ef", id="without a beginning, the last ones"),
        pytest.param({"end": 4}, "cd", id="to a time, the last ones before it"),
        pytest.param({"since": 1}, "bc", id="since a seq, the first ones after it"),
        pytest.param({"start": 2}, "bc", id="from a time, the first ones after it"),
    ],
)
def test_page_cut_by_the_limit_is_incomplete(
    store: Store, bounds: dict[str, int], expected: str
) -> None:
    say(store, *"abcdef")

    page = read(store, **bounds, limit=2)

    assert "".join(message.content for message in page.messages) == expected
    assert not page.complete


def test_page_that_just_reaches_the_limit_is_complete(store: Store) -> None:
    said = say(store, *"abc")

    assert read(store, limit=3) == Page(said, complete=True)


def test_time_bounds_include_all_messages_of_a_millisecond(store: Store) -> None:
    said = []
    for id_ in ("id-1", "id-2", "id-3"):
        said.append(RoomMessage("alice", "Attic", id_, store.next_seq("attic"), id_, time_of(7)))
        store.append("attic", said[-1])

    assert read(store, start=7, end=7) == Page(said, complete=True)
    assert read(store, start=8) == read(store, end=6) == Page([], complete=True)


def test_message_is_stored_unchanged(store: Store) -> None:
    content = 'say "hi"\n\x00 \u2028 \U0001f3f0'
    message = RoomMessage("Ålice", "Attic", content, store.next_seq("attic"), "id-1", time_of(1))

    store.append("attic", message)

    assert read(store) == Page([message], complete=True)


def test_unused_seq_leaves_a_gap(store: Store) -> None:
    store.next_seq("attic")
    said = say(store, "hello")

    assert [message.seq for message in said] == [2]
    assert read(store, since=1) == Page(said, complete=True)


def test_room_with_only_a_seq_is_not_held(store: Store) -> None:
    store.next_seq("attic")

    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_page_is_not_changed_by_later_appends(store: Store) -> None:
    said = say(store, "hello")
    page = read(store)

    say(store, *map(str, range(LIMIT * 3)))

    assert page.messages == said


@pytest.mark.parametrize("excess", [3, 25], ids=["some too many", "many times too many"])
def test_last_records_of_a_long_history_are_stored(store: Store, excess: int) -> None:
    said = say(store, *map(str, range(LIMIT + excess)))

    assert read(store).messages == said[-LIMIT:]


@pytest.mark.parametrize(
    ("bounds", "complete"),
    [
        pytest.param({}, False, id="everything was asked for"),
        pytest.param({"since": -1}, False, id="since one that is gone, with another gone behind it"),
        pytest.param({"since": 0}, True, id="since the last one that is gone"),
        pytest.param({"since": 4}, True, id="since one that is kept"),
        pytest.param({"start": 0}, False, id="from the time of one that is gone"),
        pytest.param({"start": 1}, True, id="from the time of the first one kept"),
        pytest.param({"end": -1}, False, id="to the time of one that is gone"),
        pytest.param({"end": 5}, False, id="to the time of one that is kept, from the beginning"),
        pytest.param({"start": 2, "end": 5}, True, id="between the times of two that are kept"),
        pytest.param({"since": -1, "start": 1}, True, id="since one that is gone, from a time that is kept"),
        pytest.param({"since": 0, "start": -1}, True, id="since the last one gone, from a time before it"),
    ],
)
@pytest.mark.parametrize("gone", [3, LIMIT // 2 + 1, LIMIT * 3])
def test_page_is_incomplete_if_a_matching_record_is_lost(
    store: Store, gone: int, bounds: dict[str, int], complete: bool
) -> None:
    """The bounds are counted from the last message that is gone, which is number *gone*."""
    say(store, *map(str, range(gone + LIMIT)))

    page = read(store, **{name: gone + offset for name, offset in bounds.items()})

    assert page.complete is complete


def test_seqs_continue_after_messages_are_lost(store: Store) -> None:
    say(store, *map(str, range(LIMIT * 3)))

    assert store.next_seq("attic") == LIMIT * 3 + 1


def test_rooms_returns_the_first_spelling(store: Store) -> None:
    say(store, "hello", room="Attic")
    say(store, "hello", room="Cellar")

    assert sorted(store.rooms()) == [("attic", "Attic"), ("cellar", "Cellar")]
    assert store.holds("attic")
    assert not store.holds("Attic")


def test_page_that_ends_before_the_first_record_is_complete(store: Store) -> None:
    say(store, *map(str, range(LIMIT + 3)))

    page = store.read("attic", since=None, start=None, end="2001-01-01T00:00:00.000Z", limit=100)

    assert page == Page([], complete=True)


# Arrivals and packages


def publish(store: Store, *payloads: bytes, room: str = "Attic") -> list[Publication]:
    packages = []
    for payload in payloads:
        seq = store.next_seq(room.lower())
        packages.append(Publication(room, "bytes", payload, seq, f"id-{seq}", time_of(seq)))
        store.append(room.lower(), packages[-1])
    return packages


def arrive(store: Store, *usernames: str, room: str = "Attic") -> list[JoinRecord]:
    joins = []
    for username in usernames:
        seq = store.next_seq(room.lower())
        joins.append(JoinRecord(username, room, seq, time_of(seq)))
        store.append(room.lower(), joins[-1])
    return joins


def mixed(store: Store, rounds: int = 1) -> list[StoredRecord]:
    """A message, an arrival and a package, in turns."""
    records: list[StoredRecord] = []
    for number in range(rounds):
        records += say(store, f"{number}")
        records += arrive(store, f"guest{number}")
        records += publish(store, b"%d" % number)
    return records


def test_messages_and_publications_are_ordered_by_seq(store: Store) -> None:
    said = mixed(store, 3)

    assert read(store) == Page(
        [record for record in said if not isinstance(record, JoinRecord)], complete=True
    )


def test_joins_are_read_on_request(store: Store) -> None:
    said = mixed(store, 3)

    assert read(store, joins=True) == Page(said, complete=True)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param({"limit": 4}, slice(5, 9), id="the last ones"),
        pytest.param({"end": 6, "limit": 4}, slice(2, 6), id="the last ones before a time"),
        pytest.param({"since": 1, "limit": 4}, slice(1, 5), id="the first ones after a seq"),
        pytest.param({"start": 2, "limit": 4}, slice(1, 5), id="the first ones from a time on"),
    ],
)
def test_limit_applies_to_all_streams_together(
    store: Store, bounds: dict[str, int], expected: slice
) -> None:
    said = mixed(store, 3)

    assert read(store, **bounds, joins=True) == Page(said[expected], complete=False)


@pytest.mark.parametrize("kind", ["text", "json", "bytes"])
@pytest.mark.parametrize("payload", [b"", b"{}", b"\x00\xff\xfe", "Zoë\x00".encode(), bytes(range(256))])
def test_publication_is_stored_unchanged(store: Store, kind: str, payload: bytes) -> None:
    package = Publication("Attic", kind, payload, store.next_seq("attic"), "id-1", time_of(1))  # type: ignore[arg-type]

    store.append("attic", package)

    assert read(store) == Page([package], complete=True)


def test_each_stream_has_its_own_limit(store: Store) -> None:
    said = say(store, "hello")
    arrived = arrive(store, "alice")
    published = publish(store, *[b"x"] * (LIMIT * 3))

    assert read(store, joins=True, limit=100) == Page([*said, *arrived, *published[-LIMIT:]], complete=False)


def test_lost_joins_do_not_make_a_page_without_joins_incomplete(store: Store) -> None:
    said = say(store, "hello")
    arrive(store, *["bob"] * (LIMIT * 3))

    assert read(store) == Page(said, complete=True)
    assert not read(store, joins=True).complete


def test_room_with_only_joins_is_not_held(store: Store) -> None:
    arrive(store, "alice")

    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_room_with_a_publication_is_held(store: Store) -> None:
    publish(store, b"news")

    assert store.holds("attic")
    assert list(store.rooms()) == [("attic", "Attic")]


def test_room_that_is_not_held_takes_the_next_spelling(store: Store) -> None:
    arrive(store, "alice", room="Attic")
    say(store, "hello", room="ATTIC")
    say(store, "hello", room="attic")

    assert list(store.rooms()) == [("attic", "ATTIC")]


def test_record_longer_than_a_chunk_is_stored(store: Store) -> None:
    said = say(store, "a" * 300_000, "b", "c" * 300_000)

    assert read(store).messages == said
    assert read(store, since=1, limit=1).messages == said[1:2]


# Erasing


def test_erased_records_cannot_be_read(store: Store) -> None:
    mixed(store, 3)

    store.erase("attic")

    assert read(store, joins=True) == Page([], complete=False)
    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_records_after_an_erasure_are_stored(store: Store) -> None:
    mixed(store, 3)
    store.erase("attic")

    said = mixed(store, 3)

    assert [record.seq for record in said] == list(range(10, 19))
    assert read(store, since=9, joins=True) == Page(said, complete=True)
    assert not read(store, since=8, joins=True).complete
    assert not read(store, since=7).complete
    assert store.holds("attic")


def test_erase_does_not_affect_other_rooms(store: Store) -> None:
    said = say(store, "hello")
    say(store, "hello", room="Cellar")

    store.erase("cellar")

    assert read(store) == Page(said, complete=True)
    assert list(store.rooms()) == [("attic", "Attic")]


def test_page_that_ends_before_the_erased_records_is_complete(store: Store) -> None:
    store.next_seq("attic")
    say(store, "hello")

    store.erase("attic")

    assert read(store, end=1) == Page([], complete=True)
    assert not read(store, end=2).complete


def test_erase_without_records_returns_none(store: Store) -> None:
    assert store.erase("attic") is None
    store.next_seq("attic")
    assert store.erase("attic") is None
    say(store, "hello")
    store.erase("attic")
    assert store.erase("attic") is None


def test_long_history_can_be_erased_repeatedly(store: Store) -> None:
    for _ in range(3):
        said = say(store, *map(str, range(LIMIT * 4)))
        assert read(store).messages == said[-LIMIT:]
        store.erase("attic")

    assert read(store) == Page([], complete=False)


# Age


@pytest.fixture(params=KINDS)
def aging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreHarness]:
    with open_store(request.param, tmp_path, history=LIMIT, channel_history=LIMIT, max_age=5) as harness:
        yield harness


def test_old_records_are_not_read(aging: StoreHarness) -> None:
    said = mixed(aging.store, 3)
    aging.now = 10.0

    page = read(aging.store, joins=True)

    assert page == Page(said[4:], complete=False)
    assert read(aging.store, since=4, joins=True).complete
    assert read(aging.store, start=5, joins=True).complete
    assert not read(aging.store, start=4, joins=True).complete


def test_room_with_only_old_records_is_not_held(aging: StoreHarness) -> None:
    say(aging.store, "hello")
    arrive(aging.store, "alice")
    aging.now = 6.0
    assert aging.store.holds("attic")

    aging.now = 6.001

    assert not aging.store.holds("attic")
    assert list(aging.store.rooms()) == []
    assert read(aging.store) == Page([], complete=False)


def test_append_to_a_room_of_old_records_sets_its_spelling(aging: StoreHarness) -> None:
    say(aging.store, *"abc", room="Attic")
    aging.now = 1000.0
    seq = aging.store.next_seq("attic")
    message = RoomMessage("alice", "ATTIC", "hello", seq, "id", time_of(1000))

    aging.store.append("attic", message)

    assert read(aging.store) == Page([message], complete=False)
    assert list(aging.store.rooms()) == [("attic", "ATTIC")]


def test_old_records_are_deleted_every_hour(aging: StoreHarness) -> None:
    say(aging.store, *"abc", room="Attic")
    aging.settle()
    aging.now = 3605.0
    say(aging.store, *"abc", room="Cellar")
    aging.settle()

    aging.now = 0.0  # so that it would be read if it were there

    assert read(aging.store) == Page([], complete=False)
