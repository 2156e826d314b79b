"""Which frame each expectation takes, where their order is free."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.scenarios.match import assign, match, unmatched
from chateau.client.scenarios.outcomes import assign_table
from chateau.client.scenarios.schemas import Schemas

SCHEMAS = Schemas()
ANY = {"$any": True}


def taken(expected: list[Any], got: list[Any], **options: Any) -> tuple[int, ...] | None:
    found = assign(expected, got, schemas=SCHEMAS, **options)
    return None if found is None else found.taken


@pytest.mark.parametrize(
    ("expected", "got", "indices"),
    [
        ([], [1], ()),
        ([1, 2], [2, 1], (1, 0)),
        ([1, 2], [3, 2, 1], (2, 1)),
        ([ANY, 1], [1, 2], (1, 0)),
        ([ANY, ANY], [1, 2, 3], (0, 1)),
        ([1, 1], [1, 1, 1], (0, 1)),
        ([{"$one_of": [1, 3]}, {"$one_of": [1, 2]}], [1, 2, 3], (0, 1)),
        ([{"$one_of": [1, 4]}, {"$one_of": [1, 5]}], [1, 4, 5], (1, 0)),  # 4 came first: 5 is not waited for
        ([{"$gt": 0}, {"$gt": 1}, {"$gt": 2}], [3, 2, 1], (2, 1, 0)),
        ([1, 1], [1, 2], None),
        ([1], [], None),
        ([1, 2, 3], [1, 2, 4], None),
    ],
)
def test_each_expectation_takes_a_frame_of_its_own_the_oldest_that_will_do(
    expected: list[Any], got: list[Any], indices: tuple[int, ...] | None
) -> None:
    assert taken(expected, got) == indices


def test_the_frames_that_are_taken_give_their_captures() -> None:
    expected = [{"type": 1, "id": {"$capture": "one"}}, {"type": 2, "id": {"$capture": "two"}}]

    found = assign(expected, [{"type": 2, "id": "b"}, {"type": 1, "id": "a"}], schemas=SCHEMAS)

    assert found is not None
    assert found.captures == {"one": "a", "two": "b"}


def test_an_exact_assignment_passes_over_frames_that_have_more_keys() -> None:
    assert taken([{"a": 1}], [{"a": 1, "b": 2}, {"a": 1}]) == (0,)
    assert taken([{"a": 1}], [{"a": 1, "b": 2}, {"a": 1}], exact=True) == (1,)


def test_unmatched_returns_the_expectations_and_frames_that_remain() -> None:
    assert unmatched([1, {"$gt": 0}, 5], [7, 1, 8], schemas=SCHEMAS) == ((2,), (2,))
    assert unmatched([1, 1], [1, 2], schemas=SCHEMAS) == ((1,), (1,))
    assert unmatched([1], [], schemas=SCHEMAS) == ((0,), ())
    assert unmatched([1], [1], schemas=SCHEMAS) == ((), ())


def test_hundreds_of_frames_in_the_reverse_order_are_assigned() -> None:
    expected = [{"$gt": number} for number in range(150)]

    assert taken(expected, list(range(150, 0, -1))) == tuple(range(149, -1, -1))


TABLES = st.integers(0, 4).flatmap(
    lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), max_size=6)
)


@settings(max_examples=150, deadline=None, database=None)
@given(TABLES)
def test_the_assignment_is_the_one_that_trying_all_of_them_finds(rows: list[list[bool]]) -> None:
    width = len(rows[0]) if rows else 0
    table = [[match(row[place], True, schemas=SCHEMAS) for row in rows] for place in range(width)]

    fitting = [
        frames
        for frames in permutations(range(len(rows)), width)
        if all(rows[frame][place] for place, frame in enumerate(frames))
    ]
    best = min(fitting, key=lambda frames: (sorted(frames), frames), default=None)
    found = assign_table(table)
    assert (found.taken if found else None) == best


@settings(max_examples=60, deadline=None, database=None)
@given(st.lists(st.lists(st.integers(0, 4), max_size=3), max_size=4), st.lists(st.integers(0, 4), max_size=8))
def test_it_makes_no_difference_whether_frames_were_there_or_came_one_by_one(
    choices: list[list[int]], frames: list[int]
) -> None:
    expected = [{"$one_of": choice or [0]} for choice in choices]
    one_by_one = (taken(expected, frames[:end]) for end in range(len(frames) + 1))

    first = next((found for found in one_by_one if found is not None), None)

    assert first == taken(expected, frames)
