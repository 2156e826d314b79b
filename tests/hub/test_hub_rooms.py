"""Rooms: join, publish, history, leave, and when a room is removed."""

from typing import Any

import pytest
from hub_harness import Harness
from quiet_store import QuietStore

from chateau.hub.errors import (
    AccessDenied,
    AlreadyInRoom,
    HubError,
    InvalidName,
    NotInRoom,
    Unavailable,
    UnknownRoom,
)
from chateau.hub.events import Joined, Left, RoomMessage, RoomState, StoredRecord
from chateau.hub.hub import RoomSummary
from chateau.hub.ports import Commit


def test_joins_and_leaves_are_reported_to_the_room(harness: Harness) -> None:
    alice, bob = harness.user("alice", "Attic"), harness.user("bob")

    room = harness.hub.join(bob, "attic")
    harness.hub.leave(bob, "ATTIC")

    assert room.name == "Attic"
    assert harness.events_of(alice) == [
        Joined("Attic", "alice", "0"),
        Joined("Attic", "bob", "1"),
        Left("Attic", "bob", "1"),
    ]
    assert harness.events_of(bob) == [Joined("Attic", "bob", "1")]


def test_members_are_sorted_by_normalized_name(harness: Harness) -> None:
    harness.user("bob", "attic")
    harness.user("Carol", "attic", protocol=harness.other_protocol)
    alice, unregistered = harness.user("alice", "attic"), harness.connect()

    room = harness.hub.join(unregistered, "attic")

    assert room.member_names() == ["#3", "alice", "bob", "Carol"]
    assert harness.hub.leave(alice, "attic").member_names() == ["#3", "bob", "Carol"]


def test_join_rejects_a_member(harness: Harness) -> None:
    alice = harness.user("alice", "attic")

    with pytest.raises(AlreadyInRoom):
        harness.hub.join(alice, "ATTIC")

    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, True)]


@pytest.mark.parametrize("name", ["", " attic", "x" * 65, "at\ntic"])
def test_join_rejects_invalid_room_names(harness: Harness, name: str) -> None:
    with pytest.raises(InvalidName):
        harness.hub.join(harness.user("alice"), name)


def test_message_is_delivered_to_all_members_and_the_sender(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")
    stranger = harness.user("carol", "cellar")
    harness.clear_events()

    message, commit = harness.hub.publish(alice, "ATTIC", "hello")

    assert message == RoomMessage("alice", "attic", "hello", 1, message.id, message.time)
    assert commit is None
    assert harness.events_of(alice) == harness.events_of(bob) == [message]
    assert harness.events_of(stranger) == []


def test_event_is_passed_once_to_each_protocol(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    others = [harness.user(name, "attic", protocol=harness.other_protocol) for name in ("bob", "carol")]
    harness.clear_events()

    message, _ = harness.hub.publish(alice, "attic", "hello")

    assert harness.protocol.deliveries == [(message, [alice])]
    assert harness.other_protocol.deliveries == [(message, others)]


def test_protocol_without_members_gets_no_events(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    bob = harness.user("bob", "attic", protocol=harness.other_protocol)
    harness.clear_events()

    harness.hub.leave(bob, "attic")
    harness.hub.publish(alice, "attic", "hello")

    assert harness.other_protocol.deliveries == []


def test_seqs_count_per_room(harness: Harness) -> None:
    alice = harness.user("alice", "attic", "cellar")

    seqs = [harness.hub.publish(alice, room, "x").message.seq for room in ("attic", "attic", "cellar")]

    assert seqs == [1, 2, 1]


@pytest.mark.parametrize("action", ["leave", "publish", "history"])
@pytest.mark.parametrize(
    ("room", "error"),
    [("nowhere", UnknownRoom), (" no name ", UnknownRoom), ("cellar", NotInRoom)],
)
def test_member_actions_are_rejected_for_others(
    harness: Harness, action: str, room: str, error: type[HubError]
) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "cellar")
    harness.clear_events()

    with pytest.raises(error):
        getattr(harness.hub, action)(alice, room, *(["hello"] if action == "publish" else []))

    assert harness.events_of(bob) == []


def test_session_without_a_join_has_no_room(harness: Harness) -> None:
    harness.user("alice", "attic")

    with pytest.raises(NotInRoom):
        harness.hub.leave(harness.user("bob"), "attic")


def test_history_returns_messages_oldest_first(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    said = [harness.hub.publish(alice, "attic", f"{number}").message for number in range(4)]

    room, page = harness.hub.history(alice, "Attic", since=2)

    assert room.name == "attic"
    assert (page.messages, page.complete) == (said[2:], True)


def test_empty_room_is_removed_unless_it_has_stored_messages(harness: Harness) -> None:
    alice = harness.user("alice", "silent", "talkative")
    harness.hub.publish(alice, "talkative", "hello")

    harness.hub.leave(alice, "silent")
    harness.hub.leave(alice, "talkative")

    assert harness.hub.room_summaries() == [RoomSummary("talkative", 0, True)]
    with pytest.raises(UnknownRoom):
        harness.hub.leave(alice, "silent")


def test_recreated_room_takes_its_new_spelling(harness: Harness) -> None:
    alice = harness.user("alice", "Attic")
    harness.hub.leave(alice, "attic")

    assert harness.hub.join(alice, "attic").name == "attic"


def test_rooms_with_stored_messages_exist_at_the_start() -> None:
    store = QuietStore()
    before = Harness(store)
    before.hub.publish(before.user("alice", "Attic"), "attic", "hello")

    harness = Harness(store)

    assert harness.hub.room_summaries() == [RoomSummary("Attic", 0, True)]
    page = harness.hub.history(harness.user("bob", "attic"), "attic")[1]
    assert [message.content for message in page.messages] == ["hello"]


def test_closed_room_rejects_messages_and_joins(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob")
    harness.clear_events()

    harness.hub.rooms.close("Attic")

    assert harness.events_of(alice) == [RoomState("attic", available=False, reason="The room was closed.")]
    with pytest.raises(AccessDenied):
        harness.hub.publish(alice, "attic", "hello")
    with pytest.raises(AccessDenied):
        harness.hub.join(bob, "attic")
    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, False)]


def test_members_of_a_closed_room_can_read_and_leave(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")
    said = harness.hub.publish(alice, "attic", "hello").message

    harness.hub.rooms.close("attic")

    assert harness.hub.history(alice, "attic")[1].messages == [said]
    harness.hub.leave(bob, "attic")
    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, False)]


def test_rejected_join_is_not_reported(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob")
    harness.hub.rooms.lock("attic", "swordfish")
    harness.clear_events()

    with pytest.raises(AccessDenied):
        harness.hub.join(bob, "attic", password="wrong")

    assert harness.events_of(alice) == []
    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, False)]
    with pytest.raises(NotInRoom):
        harness.hub.leave(bob, "attic")


def test_lock_replaces_the_previous_password(harness: Harness) -> None:
    harness.user("alice", "attic")
    harness.hub.rooms.lock("attic", "swordfish")

    harness.hub.rooms.lock("attic", "marlin")

    with pytest.raises(AccessDenied):
        harness.user("bob", "attic")
    assert harness.hub.join(harness.user("carol"), "attic", password="marlin").count == 2


@pytest.mark.parametrize("password", [None, "", "wrong", "swordfisch"])
def test_locked_room_requires_the_password(harness: Harness, password: str | None) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob")

    harness.hub.rooms.lock("attic", "swordfish")

    with pytest.raises(AccessDenied):
        harness.hub.join(bob, "attic", password=password)
    harness.hub.join(bob, "attic", password="swordfish")
    assert harness.hub.publish(alice, "attic", "you are in").message in harness.events_of(bob)


def test_password_for_an_unlocked_room_is_ignored(harness: Harness) -> None:
    assert harness.hub.join(harness.user("alice"), "attic", password="swordfish").count == 1


def test_open_undoes_close_and_lock(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob")
    harness.hub.rooms.lock("attic", "swordfish")
    harness.hub.rooms.close("attic")
    harness.clear_events()

    harness.hub.rooms.open("attic")

    assert harness.events_of(alice) == [RoomState("attic", available=True, reason=None)]
    harness.hub.join(bob, "attic")
    assert harness.hub.room_summaries() == [RoomSummary("attic", 2, True)]


@pytest.mark.parametrize("action", ["close", "lock"])
def test_empty_closed_room_remains_until_it_is_opened(harness: Harness, action: str) -> None:
    alice = harness.user("alice", "attic")
    getattr(harness.hub.rooms, action)("attic", *(["swordfish"] if action == "lock" else []))

    harness.hub.leave(alice, "attic")
    shut = harness.hub.room_summaries()
    harness.hub.rooms.open("attic")

    assert shut == [RoomSummary("attic", 0, False)]
    assert harness.hub.room_summaries() == []


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("close", []),
        ("open", []),
        ("unlock", []),
        ("lock", ["x"]),
        ("delete", []),
        ("ban", ["x"]),
        ("unban", ["x"]),
    ],
)
def test_moderation_of_an_unknown_room_is_rejected(harness: Harness, action: str, more: list[str]) -> None:
    with pytest.raises(UnknownRoom):
        getattr(harness.hub.rooms, action)("nowhere", *more)


class TroubledStore(QuietStore):
    """Rejects every record."""

    def append(self, key: str, message: StoredRecord) -> None:
        raise Unavailable("The disk is full.")


def test_message_that_cannot_be_stored_is_not_delivered() -> None:
    harness = Harness(TroubledStore())
    alice = harness.user("alice", "attic")
    harness.clear_events()

    with pytest.raises(Unavailable):
        harness.hub.publish(alice, "attic", "hello")

    assert harness.events_of(alice) == []


def test_unreadable_history_is_reported(monkeypatch: pytest.MonkeyPatch, harness: Harness) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("The disk is gone.")

    alice = harness.user("alice", "attic")
    monkeypatch.setattr(harness.store, "read", fail)

    with pytest.raises(Unavailable, match="The disk is gone"):
        harness.hub.history(alice, "attic")


class SlowStore(QuietStore):
    """Returns *commit* for every message."""

    def __init__(self, commit: Any) -> None:
        super().__init__()
        self._commit = commit

    def append(self, key: str, message: StoredRecord) -> Commit:  # type: ignore[override]
        super().append(key, message)
        return self._commit


def test_message_is_delivered_before_its_commit_is_done() -> None:
    commit = object()
    harness = Harness(SlowStore(commit))
    alice = harness.user("alice", "attic")

    receipt = harness.hub.publish(alice, "attic", "hello")

    assert receipt.commit is commit
    assert receipt.message in harness.events_of(alice)
