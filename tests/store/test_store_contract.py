"""What every store guarantees; see :class:`chateau.hub.ports.Store`."""

from __future__ import annotations

import pytest

from chateau.hub.events import RoomMessage
from chateau.hub.ports import Page, Store
from chateau.store.memory import MemoryStore

LIMIT = 10
"""Messages that the stores of these tests keep of a room."""


@pytest.fixture(params=[MemoryStore])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.param(limit=LIMIT)
    return made


def say(store: Store, *contents: str, room: str = "Attic") -> list[RoomMessage]:
    """Keep messages, one a second by their times."""
    messages = []
    for content in contents:
        seq = store.next_seq(room.lower())
        message = RoomMessage("alice", room, content, seq, f"id-{seq}", time_of(seq))
        store.append(room.lower(), message)
        messages.append(message)
    return messages


def time_of(second: int) -> str:
    return f"2026-11-20T00:{second // 60:02}:{second % 60:02}.000Z"


def read(
    store: Store,
    *,
    since: int | None = None,
    start: int | None = None,
    end: int | None = None,
    limit: int = 100,
) -> Page:
    first = None if start is None else time_of(start)
    last = None if end is None else time_of(end)
    return store.read("attic", since=since, start=first, end=last, limit=limit)


def test_numbers_begin_at_1_and_rise_in_each_room(store: Store) -> None:
    assert [store.next_seq("attic") for _ in range(3)] == [1, 2, 3]
    assert store.next_seq("cellar") == 1


def test_a_message_can_be_read_at_once(store: Store) -> None:
    said = say(store, "hello")

    assert read(store) == Page(said, complete=True)


def test_a_room_in_which_nothing_was_said_has_an_empty_and_complete_page(store: Store) -> None:
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
def test_bounds_choose_what_is_read(store: Store, bounds: dict[str, int], expected: str) -> None:
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
def test_where_the_limit_cuts_the_page_is_not_complete(
    store: Store, bounds: dict[str, int], expected: str
) -> None:
    say(store, *"abcdef")

    page = read(store, **bounds, limit=2)

    assert "".join(message.content for message in page.messages) == expected
    assert not page.complete


def test_where_the_limit_is_just_reached_the_page_is_complete(store: Store) -> None:
    said = say(store, *"abc")

    assert read(store, limit=3) == Page(said, complete=True)


def test_messages_of_one_millisecond_are_all_within_a_bound_at_it(store: Store) -> None:
    said = []
    for id_ in ("id-1", "id-2", "id-3"):
        said.append(RoomMessage("alice", "Attic", id_, store.next_seq("attic"), id_, time_of(7)))
        store.append("attic", said[-1])

    assert read(store, start=7, end=7) == Page(said, complete=True)
    assert read(store, start=8) == read(store, end=6) == Page([], complete=True)


def test_a_message_is_kept_as_it_was_said(store: Store) -> None:
    content = 'say "hi"\n\x00 \u2028 \U0001f3f0'
    message = RoomMessage("Ålice", "Attic", content, store.next_seq("attic"), "id-1", time_of(1))

    store.append("attic", message)

    assert read(store) == Page([message], complete=True)


def test_a_number_that_was_given_out_for_nothing_leaves_a_gap(store: Store) -> None:
    store.next_seq("attic")
    said = say(store, "hello")

    assert [message.seq for message in said] == [2]
    assert read(store, since=1) == Page(said, complete=True)


def test_a_room_with_a_number_given_out_but_nothing_said_is_not_kept(store: Store) -> None:
    store.next_seq("attic")

    assert not store.holds("attic")
    assert list(store.rooms()) == []


def test_a_page_does_not_change_when_more_is_said(store: Store) -> None:
    said = say(store, "hello")
    page = read(store)

    say(store, *map(str, range(LIMIT * 3)))

    assert page.messages == said


@pytest.mark.parametrize("excess", [3, 25], ids=["some too many", "many times too many"])
def test_of_a_long_history_the_last_ones_are_kept(store: Store, excess: int) -> None:
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
def test_a_page_is_not_complete_when_something_asked_for_is_gone(
    store: Store, gone: int, bounds: dict[str, int], complete: bool
) -> None:
    """The bounds are counted from the last message that is gone, which is number *gone*."""
    say(store, *map(str, range(gone + LIMIT)))

    page = read(store, **{name: gone + offset for name, offset in bounds.items()})

    assert page.complete is complete


def test_numbers_go_on_rising_when_messages_are_gone(store: Store) -> None:
    say(store, *map(str, range(LIMIT * 3)))

    assert store.next_seq("attic") == LIMIT * 3 + 1


def test_rooms_with_a_message_kept_are_known_by_the_name_they_were_first_given(store: Store) -> None:
    say(store, "hello", room="Attic")
    say(store, "hello", room="Cellar")

    assert sorted(store.rooms()) == [("attic", "Attic"), ("cellar", "Cellar")]
    assert store.holds("attic")
    assert not store.holds("Attic")


def test_a_page_up_to_a_time_before_anything_was_said_is_complete(store: Store) -> None:
    say(store, *map(str, range(LIMIT + 3)))

    page = store.read("attic", since=None, start=None, end="2001-01-01T00:00:00.000Z", limit=100)

    assert page == Page([], complete=True)
