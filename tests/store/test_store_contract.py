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


@pytest.mark.parametrize("excess", [3, 25], ids=["some too many", "many times too many"])
def test_of_a_long_history_the_last_ones_are_kept(store: Store, excess: int) -> None:
    said = say(store, *map(str, range(LIMIT + excess)))

    assert read(store).messages == said[-LIMIT:]


@pytest.mark.parametrize(
    ("bounds", "complete"),
    [
        pytest.param({}, False, id="everything was asked for"),
        pytest.param({"since": 2}, False, id="since one that is gone, with another gone behind it"),
        pytest.param({"since": 3}, True, id="since the last one that is gone"),
        pytest.param({"since": 7}, True, id="since one that is kept"),
        pytest.param({"start": 3}, False, id="from the time of one that is gone"),
        pytest.param({"start": 4}, True, id="from the time of the first one kept"),
    ],
)
def test_a_page_is_not_complete_when_something_asked_for_is_gone(
    store: Store,
    bounds: dict[str, int],
    complete: bool,
) -> None:
    say(store, *map(str, range(LIMIT + 3)))

    assert read(store, **bounds).complete is complete


def test_numbers_go_on_rising_when_messages_are_gone(store: Store) -> None:
    say(store, *map(str, range(LIMIT * 3)))

    assert store.next_seq("attic") == LIMIT * 3 + 1


def test_rooms_with_a_message_kept_are_known_by_the_name_they_were_first_given(store: Store) -> None:
    say(store, "hello", room="Attic")
    say(store, "hello", room="Cellar")

    assert sorted(store.rooms()) == [("attic", "Attic"), ("cellar", "Cellar")]
    assert store.holds("attic")
    assert not store.holds("Attic")
