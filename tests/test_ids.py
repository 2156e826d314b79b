"""Message ids: they sort in the order of generation, and their times never decrease."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from chateau import ids
from chateau.ids import MessageIdGenerator
from chateau.times import rfc3339

NOW = 1_763_630_000.123


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_id_is_a_ulid_of_its_time(clock: Clock) -> None:
    id_, time = MessageIdGenerator(clock)()

    assert ULID.from_str(id_).milliseconds == 1_763_630_000_123
    assert time == "2025-11-20T09:13:20.123Z"


def test_ids_increase_within_and_across_milliseconds(clock: Clock) -> None:
    generator = MessageIdGenerator(clock)

    ids = []
    for _ in range(5):
        ids += [generator()[0] for _ in range(2_000)]
        clock.now += 0.001

    assert all(before < after for before, after in pairwise(ids))


def test_ids_increase_and_times_stay_when_the_clock_goes_back(clock: Clock) -> None:
    generator = MessageIdGenerator(clock)
    before, time = generator()

    clock.now -= 3600
    after, same_time = generator()

    assert after > before
    assert same_time == time


def test_exhausted_millisecond_continues_with_the_next(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_COUNT_LIMIT", 3)
    generator = MessageIdGenerator(clock)

    generated = [generator() for _ in range(7)]

    assert all(before < after for before, after in pairwise(generated))
    assert [time[-5:-1] for _, time in generated] == [".123"] * 3 + [".124"] * 3 + [".125"]


def test_two_generators_never_return_the_same_id(clock: Clock) -> None:
    one, other = MessageIdGenerator(clock), MessageIdGenerator(clock)

    assert {one()[0] for _ in range(100)}.isdisjoint({other()[0] for _ in range(100)})


def test_last_id_of_a_millisecond_sorts_before_the_first_of_the_next(clock: Clock) -> None:
    generator = MessageIdGenerator(clock)
    generator._count = 32**4 - 1

    (last, last_time), (first, first_time) = generator(), generator()

    assert (last[-4:], last_time[-5:]) == ("ZZZZ", ".123Z")
    assert (first[-4:], first_time[-5:]) == ("0000", ".124Z")
    assert last < first


@given(st.lists(st.integers(0, 4_000_000_000_000), min_size=1, max_size=30))
def test_ids_and_times_increase_and_agree_for_any_clock(moments: list[int]) -> None:
    clock = Clock()
    clock.now = moments[0] / 1000
    generator = MessageIdGenerator(clock)

    generated = []
    for moment in moments:
        clock.now = moment / 1000
        generated += [generator(), generator()]

    assert all(one[0] < other[0] and one[1] <= other[1] for one, other in pairwise(generated))
    for id_, time in generated:
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", id_)
        assert rfc3339(ULID.from_str(id_).datetime) == time
