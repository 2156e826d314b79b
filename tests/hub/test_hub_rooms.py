"""Rooms: coming in, speaking, history, leaving, and when a room is no more."""

from typing import Any

import pytest
from quiet_store import QuietStore
from recorded_house import House

from chateau.hub.errors import (
    AccessDenied,
    AlreadyInRoom,
    HubError,
    InvalidName,
    NotInRoom,
    Unavailable,
    UnknownRoom,
)
from chateau.hub.events import Joined, Kept, Left, RoomMessage, RoomState
from chateau.hub.hub import RoomSummary
from chateau.hub.ports import Commit


def test_who_comes_in_is_told_to_the_room_and_who_leaves_too(house: House) -> None:
    alice, bob = house.guest("alice", "Attic"), house.guest("bob")

    room = house.hub.join(bob, "attic")
    house.hub.leave(bob, "ATTIC")

    assert room.name == "Attic"
    assert house.heard(alice) == [
        Joined("Attic", "alice", "0"),
        Joined("Attic", "bob", "1"),
        Left("Attic", "bob", "1"),
    ]
    assert house.heard(bob) == [Joined("Attic", "bob", "1")]


def test_members_are_listed_sorted_by_the_form_of_their_names(house: House) -> None:
    house.guest("bob", "attic")
    house.guest("Carol", "attic", protocol=house.other_protocol)
    alice, visitor = house.guest("alice", "attic"), house.visitor()

    room = house.hub.join(visitor, "attic")

    assert room.member_names() == ["#3", "alice", "bob", "Carol"]
    assert house.hub.leave(alice, "attic").member_names() == ["#3", "bob", "Carol"]


def test_one_cannot_be_in_a_room_twice(house: House) -> None:
    alice = house.guest("alice", "attic")

    with pytest.raises(AlreadyInRoom):
        house.hub.join(alice, "ATTIC")

    assert house.hub.room_summaries() == [RoomSummary("attic", 1, True)]


@pytest.mark.parametrize("name", ["", " attic", "x" * 65, "at\ntic"])
def test_some_texts_are_no_rooms_names(house: House, name: str) -> None:
    with pytest.raises(InvalidName):
        house.hub.join(house.guest("alice"), name)


def test_every_member_hears_a_message_the_speaker_too(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")
    stranger = house.guest("carol", "cellar")
    house.forget()

    message, commit = house.hub.publish(alice, "ATTIC", "hello")

    assert message == RoomMessage("alice", "attic", "hello", 1, message.id, message.time)
    assert commit is None
    assert house.heard(alice) == house.heard(bob) == [message]
    assert house.heard(stranger) == []


def test_members_of_two_protocols_are_told_once_a_protocol(house: House) -> None:
    alice = house.guest("alice", "attic")
    others = [house.guest(name, "attic", protocol=house.other_protocol) for name in ("bob", "carol")]
    house.forget()

    message, _ = house.hub.publish(alice, "attic", "hello")

    assert house.protocol.deliveries == [(message, [alice])]
    assert house.other_protocol.deliveries == [(message, others)]


def test_a_protocol_whose_last_member_has_left_is_told_no_more(house: House) -> None:
    alice = house.guest("alice", "attic")
    bob = house.guest("bob", "attic", protocol=house.other_protocol)
    house.forget()

    house.hub.leave(bob, "attic")
    house.hub.publish(alice, "attic", "hello")

    assert house.other_protocol.deliveries == []


def test_messages_are_numbered_in_each_room(house: House) -> None:
    alice = house.guest("alice", "attic", "cellar")

    seqs = [house.hub.publish(alice, room, "x").message.seq for room in ("attic", "attic", "cellar")]

    assert seqs == [1, 2, 1]


@pytest.mark.parametrize("action", ["leave", "publish", "history"])
@pytest.mark.parametrize(
    ("room", "refusal"),
    [("nowhere", UnknownRoom), (" no name ", UnknownRoom), ("cellar", NotInRoom)],
)
def test_what_needs_to_be_inside_is_refused_outside(
    house: House, action: str, room: str, refusal: type[HubError]
) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "cellar")
    house.forget()

    with pytest.raises(refusal):
        getattr(house.hub, action)(alice, room, *(["hello"] if action == "publish" else []))

    assert house.heard(bob) == []


def test_who_was_never_in_a_room_is_in_none(house: House) -> None:
    house.guest("alice", "attic")

    with pytest.raises(NotInRoom):
        house.hub.leave(house.guest("bob"), "attic")


def test_history_is_what_was_said_since_oldest_first(house: House) -> None:
    alice = house.guest("alice", "attic")
    said = [house.hub.publish(alice, "attic", f"{number}").message for number in range(4)]

    room, page = house.hub.history(alice, "Attic", since=2)

    assert room.name == "attic"
    assert (page.messages, page.complete) == (said[2:], True)


def test_a_deserted_room_is_forgotten_unless_something_said_in_it_is_kept(house: House) -> None:
    alice = house.guest("alice", "silent", "talkative")
    house.hub.publish(alice, "talkative", "hello")

    house.hub.leave(alice, "silent")
    house.hub.leave(alice, "talkative")

    assert house.hub.room_summaries() == [RoomSummary("talkative", 0, True)]
    with pytest.raises(UnknownRoom):
        house.hub.leave(alice, "silent")


def test_a_forgotten_room_is_made_anew_under_the_name_it_is_given_then(house: House) -> None:
    alice = house.guest("alice", "Attic")
    house.hub.leave(alice, "attic")

    assert house.hub.join(alice, "attic").name == "attic"


def test_rooms_with_messages_kept_are_there_from_the_start() -> None:
    store = QuietStore()
    before = House(store)
    before.hub.publish(before.guest("alice", "Attic"), "attic", "hello")

    house = House(store)

    assert house.hub.room_summaries() == [RoomSummary("Attic", 0, True)]
    page = house.hub.history(house.guest("bob", "attic"), "attic")[1]
    assert [message.content for message in page.messages] == ["hello"]


def test_in_a_closed_room_nobody_speaks_and_nobody_comes_in(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob")
    house.forget()

    house.hub.rooms.close("Attic")

    assert house.heard(alice) == [RoomState("attic", available=False, reason="The room was closed.")]
    with pytest.raises(AccessDenied):
        house.hub.publish(alice, "attic", "hello")
    with pytest.raises(AccessDenied):
        house.hub.join(bob, "attic")
    assert house.hub.room_summaries() == [RoomSummary("attic", 1, False)]


def test_members_of_a_closed_room_may_stay_read_and_leave(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")
    said = house.hub.publish(alice, "attic", "hello").message

    house.hub.rooms.close("attic")

    assert house.hub.history(alice, "attic")[1].messages == [said]
    house.hub.leave(bob, "attic")
    assert house.hub.room_summaries() == [RoomSummary("attic", 1, False)]


def test_who_may_not_come_in_is_not_in_and_nobody_hears_of_it(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob")
    house.hub.rooms.lock("attic", "swordfish")
    house.forget()

    with pytest.raises(AccessDenied):
        house.hub.join(bob, "attic", password="wrong")

    assert house.heard(alice) == []
    assert house.hub.room_summaries() == [RoomSummary("attic", 1, False)]
    with pytest.raises(NotInRoom):
        house.hub.leave(bob, "attic")


def test_a_new_lock_takes_the_place_of_the_one_before(house: House) -> None:
    house.guest("alice", "attic")
    house.hub.rooms.lock("attic", "swordfish")

    house.hub.rooms.lock("attic", "marlin")

    with pytest.raises(AccessDenied):
        house.guest("bob", "attic")
    assert house.hub.join(house.guest("carol"), "attic", password="marlin").count == 2


@pytest.mark.parametrize("password", [None, "", "wrong", "swordfisch"])
def test_a_locked_room_lets_in_only_who_knows_the_password(house: House, password: str | None) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob")

    house.hub.rooms.lock("attic", "swordfish")

    with pytest.raises(AccessDenied):
        house.hub.join(bob, "attic", password=password)
    house.hub.join(bob, "attic", password="swordfish")
    assert house.hub.publish(alice, "attic", "you are in").message in house.heard(bob)


def test_a_password_that_is_not_asked_for_is_ignored(house: House) -> None:
    assert house.hub.join(house.guest("alice"), "attic", password="swordfish").count == 1


def test_an_opened_room_is_as_it_was_before(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob")
    house.hub.rooms.lock("attic", "swordfish")
    house.hub.rooms.close("attic")
    house.forget()

    house.hub.rooms.open("attic")

    assert house.heard(alice) == [RoomState("attic", available=True, reason=None)]
    house.hub.join(bob, "attic")
    assert house.hub.room_summaries() == [RoomSummary("attic", 2, True)]


@pytest.mark.parametrize("action", ["close", "lock"])
def test_a_shut_room_stays_when_it_is_deserted_until_it_is_opened(house: House, action: str) -> None:
    alice = house.guest("alice", "attic")
    getattr(house.hub.rooms, action)("attic", *(["swordfish"] if action == "lock" else []))

    house.hub.leave(alice, "attic")
    shut = house.hub.room_summaries()
    house.hub.rooms.open("attic")

    assert shut == [RoomSummary("attic", 0, False)]
    assert house.hub.room_summaries() == []


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
def test_the_state_of_a_room_that_is_not_there_cannot_be_changed(
    house: House, action: str, more: list[str]
) -> None:
    with pytest.raises(UnknownRoom):
        getattr(house.hub.rooms, action)("nowhere", *more)


class TroubledStore(QuietStore):
    """Keeps nothing for now."""

    def append(self, key: str, message: Kept) -> None:
        raise Unavailable("The disk is full.")


def test_a_message_that_cannot_be_kept_is_told_to_nobody() -> None:
    house = House(TroubledStore())
    alice = house.guest("alice", "attic")
    house.forget()

    with pytest.raises(Unavailable):
        house.hub.publish(alice, "attic", "hello")

    assert house.heard(alice) == []


def test_history_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("The disk is gone.")

    alice = house.guest("alice", "attic")
    monkeypatch.setattr(house.store, "read", fail)

    with pytest.raises(Unavailable, match="The disk is gone"):
        house.hub.history(alice, "attic")


class SlowStore(QuietStore):
    """Hands out *commit* for every message."""

    def __init__(self, commit: Any) -> None:
        super().__init__()
        self._commit = commit

    def append(self, key: str, message: Kept) -> Commit:  # type: ignore[override]
        super().append(key, message)
        return self._commit


def test_a_message_is_told_at_once_and_its_receipt_has_the_commit_to_wait_for() -> None:
    commit = object()
    house = House(SlowStore(commit))
    alice = house.guest("alice", "attic")

    receipt = house.hub.publish(alice, "attic", "hello")

    assert receipt.commit is commit
    assert receipt.message in house.heard(alice)
