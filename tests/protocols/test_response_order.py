"""Responses are sent in the order of their requests, even when one waits for its commit."""

from __future__ import annotations

import pytest
from chateau_harness import LIST, Harness, LateStore, publish
from harness import FakeCommit, Frame

from chateau.hub.events import StoredRecord

REFS = ["first", "second", "third"]


@pytest.fixture
def store() -> LateStore:
    return LateStore()


@pytest.fixture
def harness(store: LateStore) -> Harness:
    return Harness("alice", "bob", inside="lobby", store=store)


def responses(harness: Harness, who: str = "alice") -> list[object]:
    """Return the refs of the responses received so far, without the pushes."""
    return [frame.get("ref") for frame in harness[who].mailbox.take() if "sender" not in frame]


def ask_three(harness: Harness) -> None:
    for ref in REFS:
        harness["alice"].send(publish("lobby", content=ref, ref=ref))


def test_message_is_delivered_at_once_and_acknowledged_when_stored(
    harness: Harness, store: LateStore
) -> None:
    harness["alice"].send(publish("lobby", ref="x"))
    assert [frame["content"] for frame in harness["bob"].mailbox.take()] == ["hello, all"]
    assert responses(harness) == []

    store.commits[0].finish()

    assert responses(harness) == ["x"]


def test_later_requests_are_acknowledged_after_the_message(harness: Harness, store: LateStore) -> None:
    harness["alice"].send(publish("lobby", ref="x"))
    harness["alice"].send(LIST | {"ref": "y"})
    assert responses(harness) == []

    store.commits[0].finish()

    assert responses(harness) == ["x", "y"]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]])
def test_responses_keep_order_when_commits_finish_out_of_order(
    harness: Harness, store: LateStore, order: list[int]
) -> None:
    ask_three(harness)

    for number in order:
        store.commits[number].finish()

    assert responses(harness) == REFS


def test_commits_that_finish_together_release_their_responses_together(
    harness: Harness, store: LateStore
) -> None:
    ask_three(harness)
    for commit in store.commits:
        commit.decide()

    store.commits[0].call_back()
    assert responses(harness) == REFS

    for commit in store.commits[1:]:
        commit.call_back()
    assert responses(harness) == []


def test_failed_commit_is_reported_in_request_order(harness: Harness, store: LateStore) -> None:
    ask_three(harness)
    harness["alice"].mailbox.take()

    store.commits[1].finish(OSError("disk full"))
    store.commits[0].finish()
    store.commits[2].finish()

    statuses: list[Frame] = harness["alice"].mailbox.take()
    assert [(frame["ref"], frame["status"]) for frame in statuses] == [
        ("first", 200),
        ("second", 400),
        ("third", 200),
    ]


def test_waiting_response_does_not_delay_other_clients(harness: Harness) -> None:
    harness["alice"].send(publish("lobby"))

    harness["bob"].send(LIST | {"ref": "y"})

    assert responses(harness, "bob") == ["y"]


def test_response_is_sent_at_once_when_none_is_pending(harness: Harness, store: LateStore) -> None:
    harness["alice"].send(publish("lobby"))
    store.commits[0].finish()
    harness["alice"].mailbox.take()

    harness["alice"].send(LIST | {"ref": "y"})

    assert responses(harness) == ["y"]


class TogetherStore(LateStore):
    """A store that appends all messages with one commit."""

    def append(self, key: str, record: StoredRecord) -> FakeCommit | None:  # type: ignore[override]
        commit = super().append(key, record)
        return commit and self.commits[0]


def test_messages_of_one_commit_get_one_response_each() -> None:
    store = TogetherStore()
    harness = Harness("alice", inside="lobby", store=store)
    ask_three(harness)
    harness["alice"].send(LIST | {"ref": "last"})
    assert responses(harness) == []

    store.commits[0].finish()

    assert responses(harness) == [*REFS, "last"]


def test_finished_commit_does_not_delay_later_responses() -> None:
    store = TogetherStore()
    harness = Harness("alice", inside="lobby", store=store)
    harness["alice"].send(publish("lobby", ref="first"))
    store.commits[0].decide()

    harness["alice"].send(publish("lobby", ref="second"))
    assert responses(harness) == []
    store.commits[0].call_back()

    assert responses(harness) == ["first", "second"]
