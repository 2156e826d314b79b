"""Stored joins: one record per join, and a join that cannot be stored is valid."""

import pytest
from hub_harness import Harness

from chateau.hub.errors import AccessDenied, AlreadyInRoom, NameTaken, Unavailable
from chateau.hub.events import Joined, JoinRecord, RoomMessage, StoredRecord
from chateau.hub.hub import RoomSummary
from chateau.store.memory import MemoryStore


@pytest.fixture
def harness() -> Harness:
    """A harness with a store that stores joins."""
    return Harness(MemoryStore())


def stored_records(harness: Harness, room: str = "attic", **asked: object) -> list[StoredRecord]:
    """Return all stored records of *room*, as read by a listener."""
    reader = harness.connect()
    harness.hub.listen(reader, room)
    _, page = harness.hub.history(reader, room, joins=True, **asked)  # type: ignore[arg-type]
    harness.hub.disconnect(reader)
    return page.messages


def test_join_is_stored_once_with_seq_and_time(harness: Harness) -> None:
    harness.user("Alice", "Attic")
    harness.user("bob", "attic")

    joins = stored_records(harness)

    assert [(record.username, record.room, record.seq) for record in joins] == [  # type: ignore[union-attr]
        ("Alice", "Attic", 1),
        ("bob", "Attic", 2),
    ]
    assert {type(record) for record in joins} == {JoinRecord}
    assert joins[0].time < joins[1].time


def test_rejoining_stores_another_join(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.leave(alice, "attic")

    harness.hub.join(alice, "attic")

    assert [record.seq for record in stored_records(harness)] == [1, 2]


def test_leave_is_not_stored(harness: Harness) -> None:
    alice, _ = harness.user("alice", "attic"), harness.user("bob", "attic")
    before = stored_records(harness)

    harness.hub.leave(alice, "attic")

    assert stored_records(harness) == before


def test_join_of_an_unregistered_session_is_stored_under_its_id(harness: Harness) -> None:
    harness.hub.join(harness.connect(), "attic")

    assert [record.username for record in stored_records(harness)] == ["#0"]  # type: ignore[union-attr]


def test_history_includes_joins_only_on_request(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    first = harness.hub.publish(alice, "attic", "1").message
    harness.user("bob", "attic")
    second = harness.hub.publish(alice, "attic", "2").message

    plain = harness.hub.history(alice, "attic")[1]
    full = harness.hub.history(alice, "attic", joins=True)[1]

    assert (plain.messages, plain.complete) == ([first, second], True)
    assert [type(record) for record in full.messages] == [JoinRecord, RoomMessage, JoinRecord, RoomMessage]
    assert [record.seq for record in full.messages] == [1, 2, 3, 4]
    assert full.complete


def test_history_bounds_apply_to_joins(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    said = harness.hub.publish(alice, "attic", "1").message
    harness.user("bob", "attic")

    assert [record.seq for record in stored_records(harness, since=2)] == [3]
    assert [record.seq for record in stored_records(harness, end=said.time)] == [1, 2]
    assert [record.seq for record in stored_records(harness, start=said.time)] == [2, 3]
    assert [record.seq for record in stored_records(harness, limit=1)] == [3]


def test_join_alone_stores_a_join_only_in_the_new_room(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.user("witness", "attic")

    harness.hub.join(alice, "cellar", alone=True)

    assert [record.username for record in stored_records(harness, "cellar")] == ["alice"]  # type: ignore[union-attr]
    assert [record.username for record in stored_records(harness)] == ["alice", "witness"]  # type: ignore[union-attr]


def test_rejected_join_is_not_stored(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    first, second = harness.connect(), harness.connect()
    harness.hub.register(first, "bob", as_nick=True)
    harness.hub.register(second, "bob", as_nick=True)
    harness.hub.join(first, "attic")
    before = stored_records(harness)

    with pytest.raises(AlreadyInRoom):
        harness.hub.join(alice, "attic")
    with pytest.raises(NameTaken):
        harness.hub.join(second, "attic")
    harness.hub.rooms.lock("attic", "swordfish")
    with pytest.raises(AccessDenied):
        harness.user("carol", "attic")
    harness.hub.rooms.unlock("attic")

    assert stored_records(harness) == before


def test_empty_room_with_only_joins_is_removed(harness: Harness) -> None:
    alice = harness.user("alice", "attic")

    harness.hub.leave(alice, "attic")

    assert harness.hub.room_summaries() == []


def test_recreated_room_has_old_joins_and_continues_its_seqs(harness: Harness) -> None:
    alice = harness.user("alice", "Attic")
    harness.hub.leave(alice, "attic")

    bob = harness.user("bob", "attic")

    assert [(record.username, record.room, record.seq) for record in stored_records(harness)] == [  # type: ignore[union-attr]
        ("alice", "Attic", 1),
        ("bob", "attic", 2),
    ]
    assert harness.hub.publish(bob, "attic", "hi").message.seq == 3


def test_join_is_stored_before_members_are_notified(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    append, deliver = harness.store.append, harness.protocol.deliver
    monkeypatch.setattr(harness.store, "append", lambda *what: (happened.append("stored"), append(*what)))
    monkeypatch.setattr(
        harness.protocol, "deliver", lambda *what: (happened.append("delivered"), deliver(*what))
    )

    harness.user("alice", "attic")

    assert happened == ["stored", "delivered"]


@pytest.mark.parametrize("method", ["append", "next_seq"])
def test_join_succeeds_if_the_store_is_unavailable(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable("The disk is full.")

    witness, alice = harness.user("witness", "attic"), harness.user("alice", "cellar")
    harness.clear_events()
    with monkeypatch.context() as trouble:
        trouble.setattr(harness.store, method, refuse)
        room = harness.hub.join(alice, "attic", alone=True)

    assert alice.room is room
    assert harness.events_of(witness) == harness.events_of(alice) == [Joined("attic", "alice", "1")]
    assert harness.hub.room_summaries() == [RoomSummary("attic", 2, True)]
    assert [record.username for record in stored_records(harness)] == ["witness"]  # type: ignore[union-attr]
    assert harness.hub.publish(alice, "attic", "hi").message.seq > 1


def test_join_propagates_unexpected_store_errors(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("nobody expected this")

    monkeypatch.setattr(harness.store, "append", fail)

    with pytest.raises(OSError, match="nobody expected this"):
        harness.user("alice", "attic")
