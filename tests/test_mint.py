"""The mint: ids that sort in the order of minting, times that never go back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ulid import ULID

from chateau import mint
from chateau.mint import Mint

NOW = 1_763_630_000.123


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_id_is_a_ulid_of_its_time(clock: Clock) -> None:
    id_, time = Mint(clock)()

    assert ULID.from_str(id_).milliseconds == 1_763_630_000_123
    assert time == "2025-11-20T09:13:20.123Z"


def test_ids_rise_within_a_millisecond_and_from_one_to_the_next(clock: Clock) -> None:
    mint_ = Mint(clock)

    ids = []
    for _ in range(5):
        ids += [mint_()[0] for _ in range(2_000)]
        clock.now += 0.001

    assert all(before < after for before, after in pairwise(ids))


def test_when_the_clock_goes_back_ids_rise_on_and_times_stay(clock: Clock) -> None:
    mint_ = Mint(clock)
    before, time = mint_()

    clock.now -= 3600
    after, same_time = mint_()

    assert after > before
    assert same_time == time


def test_when_a_millisecond_has_no_ids_left_the_next_one_is_taken(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mint, "_COUNT_LIMIT", 3)
    mint_ = Mint(clock)

    minted = [mint_() for _ in range(7)]

    assert all(before < after for before, after in pairwise(minted))
    assert [time[-5:-1] for _, time in minted] == [".123"] * 3 + [".124"] * 3 + [".125"]


def test_two_mints_never_give_one_id(clock: Clock) -> None:
    one, other = Mint(clock), Mint(clock)

    assert {one()[0] for _ in range(100)}.isdisjoint({other()[0] for _ in range(100)})
