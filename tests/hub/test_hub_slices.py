"""History in slices: all of it, in order, however many slices it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hub_harness import Harness

from chateau.hub.hub import SLICE_BYTES, SLICE_RECORDS
from chateau.store.memory import MemoryStore

if TYPE_CHECKING:
    from chateau.hub.session import Session

COUNT = 3 * SLICE_RECORDS + 1


@pytest.fixture
def harness() -> Harness:
    return Harness(MemoryStore())


@pytest.fixture
def alice(harness: Harness) -> Session:
    return harness.user("alice", "lobby")


def slices(harness: Harness, session: Session, **query: Any) -> list[list[str]]:
    """Return the contents of each slice."""
    pages = harness.hub.history_slices(session, "lobby", **query)
    return [[record.content for record in page.messages] for page in pages]  # type: ignore[union-attr]


def test_slices_of_the_last_messages_come_newest_first(harness: Harness, alice: Session) -> None:
    for number in range(COUNT):
        harness.hub.publish(alice, "lobby", str(number))

    found = slices(harness, alice, limit=COUNT)

    assert len(found) == 4
    assert [content for each in reversed(found) for content in each] == [
        str(number) for number in range(COUNT)
    ]


def test_slices_since_a_message_come_oldest_first(harness: Harness, alice: Session) -> None:
    first = harness.hub.publish(alice, "lobby", "first").message.seq
    for number in range(COUNT):
        harness.hub.publish(alice, "lobby", str(number))

    found = slices(harness, alice, since=first, limit=COUNT + 10)

    assert len(found) == 4
    assert [content for each in found for content in each] == [str(number) for number in range(COUNT)]


def test_limit_ends_the_slices(harness: Harness, alice: Session) -> None:
    for number in range(COUNT):
        harness.hub.publish(alice, "lobby", str(number))

    assert [len(each) for each in slices(harness, alice, limit=SLICE_RECORDS + 5)] == [SLICE_RECORDS, 5]


def test_slices_of_long_messages_have_fewer_of_them(harness: Harness, alice: Session) -> None:
    for _ in range(4):
        harness.hub.publish(alice, "lobby", "x" * (SLICE_BYTES // 2))

    assert [len(each) for each in slices(harness, alice)] == [1, 1, 1, 1]
