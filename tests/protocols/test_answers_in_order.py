"""Answers leave in the order of their requests, also where one waits for its message to be kept."""

from __future__ import annotations

import pytest
from chateau_house import LIST, Frame, HandCommit, House, LateStore, publish

from chateau.hub.events import Kept

REFS = ["first", "second", "third"]


@pytest.fixture
def store() -> LateStore:
    return LateStore()


@pytest.fixture
def house(store: LateStore) -> House:
    return House("alice", "bob", inside="lobby", store=store)


def answers(house: House, who: str = "alice") -> list[object]:
    """The refs of the answers that have come, and nothing for pushes."""
    return [frame.get("ref") for frame in house[who].mailbox.take() if "sender" not in frame]


def ask_three(house: House) -> None:
    for ref in REFS:
        house["alice"].send(publish("lobby", content=ref, ref=ref))


def test_a_message_is_passed_on_at_once_and_answered_when_it_is_kept(house: House, store: LateStore) -> None:
    house["alice"].send(publish("lobby", ref="x"))
    assert [frame["content"] for frame in house["bob"].mailbox.take()] == ["hello, all"]
    assert answers(house) == []

    store.commits[0].finish()

    assert answers(house) == ["x"]


def test_what_is_asked_behind_a_message_is_answered_behind_it(house: House, store: LateStore) -> None:
    house["alice"].send(publish("lobby", ref="x"))
    house["alice"].send(LIST | {"ref": "y"})
    assert answers(house) == []

    store.commits[0].finish()

    assert answers(house) == ["x", "y"]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]])
def test_commits_may_be_done_in_any_order(house: House, store: LateStore, order: list[int]) -> None:
    ask_three(house)

    for number in order:
        store.commits[number].finish()

    assert answers(house) == REFS


def test_commits_that_are_done_together_are_answered_together(house: House, store: LateStore) -> None:
    ask_three(house)
    for commit in store.commits:
        commit.decide()

    store.commits[0].call_back()
    assert answers(house) == REFS

    for commit in store.commits[1:]:
        commit.call_back()
    assert answers(house) == []


def test_a_failure_is_told_in_its_place(house: House, store: LateStore) -> None:
    ask_three(house)
    house["alice"].mailbox.take()

    store.commits[1].finish(OSError("disk full"))
    store.commits[0].finish()
    store.commits[2].finish()

    statuses: list[Frame] = house["alice"].mailbox.take()
    assert [(frame["ref"], frame["status"]) for frame in statuses] == [
        ("first", 200),
        ("second", 400),
        ("third", 200),
    ]


def test_one_clients_wait_is_not_anothers(house: House) -> None:
    house["alice"].send(publish("lobby"))

    house["bob"].send(LIST | {"ref": "y"})

    assert answers(house, "bob") == ["y"]


def test_when_all_is_answered_the_next_answer_goes_straight_out(house: House, store: LateStore) -> None:
    house["alice"].send(publish("lobby"))
    store.commits[0].finish()
    house["alice"].mailbox.take()

    house["alice"].send(LIST | {"ref": "y"})

    assert answers(house) == ["y"]


class TogetherStore(LateStore):
    """Keeps all that is said with one commit."""

    def append(self, key: str, record: Kept) -> HandCommit | None:  # type: ignore[override]
        commit = super().append(key, record)
        return commit and self.commits[0]


def test_messages_that_are_kept_together_are_answered_together_and_each_once() -> None:
    store = TogetherStore()
    house = House("alice", inside="lobby", store=store)
    ask_three(house)
    house["alice"].send(LIST | {"ref": "last"})
    assert answers(house) == []

    store.commits[0].finish()

    assert answers(house) == [*REFS, "last"]


def test_a_commit_that_is_done_already_answers_what_comes_later_too() -> None:
    store = TogetherStore()
    house = House("alice", inside="lobby", store=store)
    house["alice"].send(publish("lobby", ref="first"))
    store.commits[0].decide()

    house["alice"].send(publish("lobby", ref="second"))
    assert answers(house) == []
    store.commits[0].call_back()

    assert answers(house) == ["first", "second"]
